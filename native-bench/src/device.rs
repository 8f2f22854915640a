//! What machine this is: figures mean nothing without it.

use serde::Serialize;

/// The machine, as far as it tells.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Device {
    /// Name of the CPU.
    pub(crate) cpu: String,
    /// Architecture that this binary was built for.
    pub(crate) arch: &'static str,
    /// Operating system.
    pub(crate) os: &'static str,
    /// Features found at run time, of those that kernels use or that change how figures are to be read.
    pub(crate) features: Vec<&'static str>,
    /// All flags that the kernel of the operating system reports.
    pub(crate) flags: String,
    /// Logical processors; kernels run on one.
    pub(crate) threads: usize,
    /// Whether another architecture runs this binary, so that times mean nothing.
    pub(crate) emulated: bool,
    /// Version of this program.
    pub(crate) version: &'static str,
}

/// Asks the machine.
pub(crate) fn detect() -> Device {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |names: &[&str]| {
        let line = info.lines().find(|line| names.iter().any(|name| line.starts_with(name)));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    // qemu-user passes this file of the host through.
    let host = std::fs::read_to_string("/proc/sys/kernel/arch").unwrap_or_default();
    let emulated = !host.is_empty() && host.trim() != std::env::consts::ARCH
        || cfg!(target_arch = "aarch64") && info.contains("vendor_id");
    Device {
        cpu: field(&["model name", "Hardware", "CPU part"]).unwrap_or_else(|| "unknown".to_owned()),
        arch: std::env::consts::ARCH,
        os: std::env::consts::OS,
        features: features(),
        flags: field(&["flags", "Features"]).unwrap_or_default(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        emulated,
        version: env!("CARGO_PKG_VERSION"),
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let found = [
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
