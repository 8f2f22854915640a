//! Nothing: only the program of wasm-pack calls human-panic, and only its library is built here.
