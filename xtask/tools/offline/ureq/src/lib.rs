//! What wasm-pack calls of ureq. No request is sent: each is answered with an error.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::io;

use serde::de::DeserializeOwned;

/// Why nothing was answered.
#[derive(Debug)]
pub struct Error;

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("this wasm-pack is built without network access: xtask installs what it needs")
    }
}

impl StdError for Error {}

/// Begins an agent.
pub fn builder() -> AgentBuilder {
    AgentBuilder
}

/// Options of an agent: none has an effect.
pub struct AgentBuilder;

impl AgentBuilder {
    pub fn try_proxy_from_env(self, _: bool) -> Self {
        self
    }

    pub fn user_agent(self, _: &str) -> Self {
        self
    }

    pub fn build(self) -> Agent {
        Agent
    }
}

/// What would send requests.
pub struct Agent;

impl Agent {
    pub fn get(&self, _: &str) -> Request {
        Request
    }
}

/// A request that is never sent.
pub struct Request;

impl Request {
    pub fn set(self, _: &str, _: &str) -> Self {
        self
    }

    /// # Errors
    /// Always.
    pub fn call(self) -> Result<Response, Error> {
        Err(Error)
    }
}

/// An answer: there is none, so that no value has this type.
pub enum Response {}

impl Response {
    pub fn status(&self) -> u16 {
        match *self {}
    }

    /// # Errors
    /// None: it is never called.
    pub fn into_json<T: DeserializeOwned>(self) -> io::Result<T> {
        match self {}
    }
}
