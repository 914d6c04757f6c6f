//! What the machine says about itself: its name and its memory.

use std::fs;
use std::path::Path;

/// The name of this machine.
pub(super) fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "occam".to_owned() } else { name.to_owned() }
}

/// Bytes of a size (`512mb`), or of a share of this machine's memory (`50%`).
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let Some(percent) = text.trim().strip_suffix('%') else { return size(text) };
    match percent.trim().parse::<u64>() {
        Ok(percent @ 1..=100) => Ok(total_memory() / 100 * percent),
        Ok(_) | Err(_) => Err("is no percentage between 1% and 100%".to_owned()),
    }
}

/// Bytes of a size with a unit: `100mb`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 9] = [
        ("tb", 1 << 40),
        ("gb", 1 << 30),
        ("mb", 1 << 20),
        ("kb", 1 << 10),
        ("t", 1 << 40),
        ("g", 1 << 30),
        ("m", 1 << 20),
        ("k", 1 << 10),
        ("b", 1),
    ];
    let lower = text.trim().to_ascii_lowercase();
    UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((lower.strip_suffix(unit)?, bytes)))
        .and_then(|(amount, bytes)| amount.trim().parse::<u64>().ok()?.checked_mul(*bytes))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "is no size, expected one like 512mb or 2gb".to_owned())
}

/// Bytes in a second: a size, or `0`.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    if text.trim() == "0" { Ok(0) } else { size(text) }
}

/// The memory this process may use: what the machine has, or its control group allows.
fn total_memory() -> u64 {
    /// Where neither can be read.
    const ASSUMED: u64 = 4 << 30;
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_total(&text));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = group_limits(Path::new("/sys/fs/cgroup"), &own);
    machine.into_iter().chain(groups).min().unwrap_or(ASSUMED)
}

/// What the control groups (v2) allow that this process is in, by `/proc/self/cgroup`: its own, and those
/// above it. In a container its own is the root.
fn group_limits(root: &Path, own: &str) -> Vec<u64> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    root.join(own)
        .ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(|group| fs::read_to_string(group.join("memory.max")).ok())
        .filter_map(|text| text.trim().parse().ok())
        .collect()
}

/// `MemTotal:  16384 kB` of `/proc/meminfo`, in bytes.
fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("512mb", 512 << 20), ("2GB", 2 << 30), ("1k", 1024), ("7b", 7)] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "512", "mb", "0mb", "-1mb", "1.5gb", "0%", "101%", "99999999999tb"] {
            assert!(memory(text).is_err(), "{text}");
        }
        assert!(memory("50%").unwrap() > memory("10%").unwrap());
    }

    #[test]
    fn a_control_group_may_allow_less_and_so_may_one_above_it() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("system.slice/occam.service");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("memory.max"), "300\n").unwrap();
        fs::write(root.path().join("system.slice/memory.max"), "max\n").unwrap();
        let limits = |own| group_limits(root.path(), own);
        assert_eq!(limits("1:name=systemd:/x\n0::/system.slice/occam.service\n"), [300]);
        assert_eq!(limits("0::/\n"), [0; 0]);
        fs::write(root.path().join("memory.max"), "200\n").unwrap();
        assert_eq!(limits("0::/system.slice/occam.service\n"), [300, 200]);
        assert_eq!(limits(""), [200]);
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(mem_total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!(mem_total("MemFree: 1 kB\n"), None);
    }
}
