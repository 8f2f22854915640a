//! Describes this machine, without which measured times mean nothing.

use serde::Serialize;

/// The machine, as far as it can be detected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Device {
    /// Name of the CPU.
    pub(crate) cpu: String,
    /// Architecture for which this binary was built.
    pub(crate) arch: &'static str,
    /// Operating system.
    pub(crate) os: &'static str,
    /// CPU features detected at run time: those that kernels use, or that matter for judging times.
    pub(crate) features: Vec<&'static str>,
    /// All CPU flags that the operating system reports.
    pub(crate) flags: String,
    /// Number of logical processors. Kernels run on one.
    pub(crate) threads: usize,
    /// Whether this binary runs in an emulator, where times mean nothing.
    pub(crate) emulated: bool,
    /// Version of this program.
    pub(crate) version: &'static str,
}

/// Detects the machine.
pub(crate) fn detect() -> Device {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |names: &[&str]| {
        let line = info.lines().find(|line| names.iter().any(|name| line.starts_with(name)));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    // qemu-user lets a program read this file of the host.
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
