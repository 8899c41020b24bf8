//! The machine a command ran on.
//!
//! Facts are read from `/proc`, `/sys` and `/etc`, and hold still between runs
//! on the same machine: no free memory, no clock rate, no process number. No
//! process is started, for graphics cards neither: their drivers tell through
//! files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Named facts, and for those that are not known, why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Facts by name, such as `cpu.model`.
    ///
    /// Always attempted: `os.name`, `os.id`, `os.version`, `kernel`, `arch`,
    /// `hostname`, `cpu.model`, `cpu.count`, `memory.bytes`. Where they apply:
    /// `cpu.features` (those that change numerics), `cpu.limit` and
    /// `memory.limit_bytes` (control group), `container`, `vm`, `vm.product`,
    /// `time.zone`, and per card `gpu.0.name`, `gpu.0.driver`, `gpu.0.bytes`,
    /// `gpu.0.id`.
    pub facts: BTreeMap<String, String>,
    /// Why a fact that every machine has is missing.
    pub unknown: BTreeMap<String, String>,
}

/// Features that change which instructions numeric libraries choose.
const NUMERIC: [&str; 12] = [
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "asimd",
    "sve",
    "bf16",
];

/// Returns the facts of this machine.
pub fn facts() -> Facts {
    facts_under(Path::new("/"))
}

/// Returns the facts of the machine whose file system root is `root`.
pub fn facts_under(root: &Path) -> Facts {
    let mut probe = Probe {
        root,
        found: Facts::default(),
    };
    probe.system();
    probe.processor();
    probe.memory();
    probe.container();
    probe.virtual_machine();
    probe.nvidia();
    probe.other_cards();
    probe.found
}

struct Probe<'a> {
    root: &'a Path,
    found: Facts,
}

impl Probe<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.path(name)).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.found.facts.insert(name.to_owned(), value.into());
    }

    /// Records a fact that every machine has, or why it is missing.
    fn expect(&mut self, name: &str, value: Option<String>, source: &str) {
        match value {
            Some(value) => self.set(name, value),
            None => {
                let why = format!("'/{source}' does not say");
                self.found.unknown.insert(name.to_owned(), why);
            }
        }
    }

    fn system(&mut self) {
        let release = self
            .text("etc/os-release")
            .or_else(|| self.text("usr/lib/os-release"))
            .unwrap_or_default();
        for (name, key) in [("os.name", "PRETTY_NAME"), ("os.id", "ID")] {
            self.expect(name, assigned(&release, key), "etc/os-release");
        }
        // A rolling distribution has no version, and that is no gap.
        if let Some(version) = assigned(&release, "VERSION_ID") {
            self.set("os.version", version);
        }
        for (name, file) in [
            ("kernel", "proc/sys/kernel/osrelease"),
            ("hostname", "proc/sys/kernel/hostname"),
        ] {
            let value = self.text(file);
            self.expect(name, value, file);
        }
        self.set("arch", std::env::consts::ARCH);
        if let Some(zone) = self.time_zone() {
            self.set("time.zone", zone);
        }
    }

    fn time_zone(&self) -> Option<String> {
        let target = fs::read_link(self.path("etc/localtime")).ok()?;
        let target = target.to_str()?;
        Some(target.split_once("zoneinfo/")?.1.to_owned())
    }

    fn processor(&mut self) {
        let first = self.first_processor();
        let field = |name: &str| colon_field(&first, name);
        let model = field("model name")
            .or_else(|| field("CPU part"))
            .or_else(|| field("uarch"));
        self.expect("cpu.model", model, "proc/cpuinfo");
        let flags = field("flags")
            .or_else(|| field("Features"))
            .unwrap_or_default();
        let known: Vec<&str> = flags
            .split(' ')
            .filter(|flag| NUMERIC.contains(flag))
            .collect();
        if !known.is_empty() {
            self.set("cpu.features", known.join(" "));
        }
        if flags.split(' ').any(|flag| flag == "hypervisor") {
            self.set("vm", "yes");
        }
        let online = self.text("sys/devices/system/cpu/online");
        let count = online
            .as_deref()
            .and_then(count_ranges)
            .map(|count| count.to_string());
        self.expect("cpu.count", count, "sys/devices/system/cpu/online");
        if let Some(limit) = self
            .text("sys/fs/cgroup/cpu.max")
            .filter(|limit| !limit.starts_with("max"))
        {
            self.set("cpu.limit", limit);
        }
    }

    /// The kernel writes one block per processor and works for each; the first
    /// few kilobytes hold the first.
    fn first_processor(&self) -> String {
        let mut head = vec![0; 8192];
        let read = File::open(self.path("proc/cpuinfo")).and_then(|mut file| file.read(&mut head));
        head.truncate(read.unwrap_or(0));
        let text = String::from_utf8_lossy(&head);
        text.split("\n\n").next().unwrap_or_default().to_owned()
    }

    fn memory(&mut self) {
        let total = self
            .text("proc/meminfo")
            .and_then(|text| kilobytes(&text, "MemTotal"));
        let bytes = total.map(|total| (total * 1024).to_string());
        self.expect("memory.bytes", bytes, "proc/meminfo");
        if let Some(limit) = self
            .text("sys/fs/cgroup/memory.max")
            .filter(|limit| limit != "max")
        {
            self.set("memory.limit_bytes", limit);
        }
    }

    fn container(&mut self) {
        let groups = self.text("proc/1/cgroup").unwrap_or_default();
        let by_group = ["docker", "kubepods", "lxc", "libpod"]
            .into_iter()
            .find(|word| groups.contains(word))
            .map(|word| if word == "libpod" { "podman" } else { word });
        let by_file = || {
            let marks = [
                ("run/.containerenv", "podman"),
                (".dockerenv", "docker"),
                (".singularity.d", "singularity"),
            ];
            let mark = marks.into_iter().find(|(file, _)| self.path(file).exists());
            mark.map(|(_, name)| name.to_owned())
        };
        let manager = || self.text("run/systemd/container");
        let kind = by_group
            .map(str::to_owned)
            .or_else(by_file)
            .or_else(manager);
        if let Some(kind) = kind {
            self.set("container", kind);
        }
    }

    fn virtual_machine(&mut self) {
        if let Some(kind) = self.text("sys/hypervisor/type") {
            self.set("vm", kind);
        }
        if !self.found.facts.contains_key("vm") {
            return;
        }
        let vendor = self.text("sys/class/dmi/id/sys_vendor");
        let product = self.text("sys/class/dmi/id/product_name");
        let named: Vec<String> = vendor.into_iter().chain(product).collect();
        if !named.is_empty() {
            self.set("vm.product", named.join(" "));
        }
    }

    fn nvidia(&mut self) {
        let driver = self
            .text("proc/driver/nvidia/version")
            .as_deref()
            .and_then(nvidia_version);
        for card in listed(&self.path("proc/driver/nvidia/gpus")) {
            let file = format!("proc/driver/nvidia/gpus/{card}/information");
            let text = self.text(&file).unwrap_or_default();
            let name = colon_field(&text, "Model").unwrap_or_else(|| "NVIDIA".to_owned());
            self.card(&name, driver.clone(), None, card);
        }
    }

    /// Cards of other makers, by what their kernel driver shows.
    fn other_cards(&mut self) {
        const NVIDIA: &str = "0x10de";
        for card in listed(&self.path("sys/class/drm")) {
            let number = card.strip_prefix("card").unwrap_or_default();
            let base = format!("sys/class/drm/{card}/device");
            let vendor = self.text(&format!("{base}/vendor")).unwrap_or_default();
            let is_card = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if !is_card || vendor.is_empty() || vendor == NVIDIA {
                continue;
            }
            let device = self.text(&format!("{base}/device")).unwrap_or_default();
            let product = self.text(&format!("{base}/product_name"));
            let name = product.unwrap_or_else(|| format!("{} {device}", maker(&vendor)));
            let driver = fs::read_link(self.path(&format!("{base}/driver"))).ok();
            let driver = driver.and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
            let bytes = self.text(&format!("{base}/mem_info_vram_total"));
            self.card(&name, driver, bytes, card);
        }
    }

    fn card(&mut self, name: &str, driver: Option<String>, bytes: Option<String>, id: String) {
        let number = self
            .found
            .facts
            .keys()
            .filter(|key| key.ends_with(".name") && key.starts_with("gpu."))
            .count();
        let fields = [
            ("name", Some(name.to_owned())),
            ("driver", driver),
            ("bytes", bytes),
            ("id", Some(id)),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                self.set(&format!("gpu.{number}.{field}"), value);
            }
        }
    }
}

fn maker(vendor: &str) -> &str {
    match vendor {
        "0x1002" => "AMD",
        "0x8086" => "Intel",
        other => other,
    }
}

/// Names in a directory, sorted: the order of a directory is nobody's promise.
fn listed(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// `KEY="value"` or `KEY=value`.
fn assigned(text: &str, key: &str) -> Option<String> {
    let value = |line: &str| {
        Some(
            line.strip_prefix(key)?
                .strip_prefix('=')?
                .trim_matches(['"', '\''])
                .to_owned(),
        )
    };
    text.lines().find_map(value)
}

/// `key   : value`.
fn colon_field(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    colon_field(text, key)?.split(' ').next()?.parse().ok()
}

/// `0-3,8` is five.
fn count_ranges(text: &str) -> Option<u64> {
    text.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            last.checked_sub(first)?.checked_add(1)
        })
        .sum()
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu …`: the first
/// word with two dots between numbers.
fn nvidia_version(text: &str) -> Option<String> {
    text.lines()
        .next()?
        .split_whitespace()
        .find(|word| {
            word.contains('.')
                && word
                    .split('.')
                    .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn this_machine_is_described_the_same_twice() {
        let first = facts();
        assert_eq!(first, facts());
        for name in ["kernel", "arch", "cpu.count", "memory.bytes"] {
            assert!(first.facts.contains_key(name), "{name}: {first:?}");
        }
    }

    #[test]
    fn a_machine_with_cards_in_a_container_is_described() {
        let root = machine(&[
            (
                "etc/os-release",
                "NAME=x\nPRETTY_NAME=\"Debian 12\"\nID=debian\nVERSION_ID='12'\n",
            ),
            ("proc/sys/kernel/osrelease", "6.1\n"),
            ("proc/sys/kernel/hostname", "box\n"),
            (
                "proc/cpuinfo",
                "processor : 0\nmodel name\t: A CPU\nflags : fpu avx2 hypervisor fma\n\nprocessor : 1\n",
            ),
            ("proc/meminfo", "MemTotal:  1024 kB\nMemFree: 1 kB\n"),
            ("proc/1/cgroup", "0::/system.slice/docker-1.scope\n"),
            ("sys/devices/system/cpu/online", "0-3,8\n"),
            ("sys/fs/cgroup/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
            ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
            (
                "proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\nGCC version: 12.2.0\n",
            ),
            (
                "proc/driver/nvidia/gpus/0000:01:00.0/information",
                "Model: \t NVIDIA A100\nIRQ: 5\n",
            ),
            ("sys/class/drm/card1/device/vendor", "0x1002\n"),
            ("sys/class/drm/card1/device/device", "0x73bf\n"),
            (
                "sys/class/drm/card1/device/mem_info_vram_total",
                "17163091968\n",
            ),
            ("sys/class/drm/card1-DP-1/device/vendor", "0x1002\n"),
        ]);
        let found = facts_under(root.path());
        assert!(found.unknown.is_empty(), "{:?}", found.unknown);
        let expected = [
            ("arch", std::env::consts::ARCH),
            ("container", "docker"),
            ("cpu.count", "5"),
            ("cpu.features", "avx2 fma"),
            ("cpu.limit", "200000 100000"),
            ("cpu.model", "A CPU"),
            ("gpu.0.driver", "550.54.14"),
            ("gpu.0.id", "0000:01:00.0"),
            ("gpu.0.name", "NVIDIA A100"),
            ("gpu.1.bytes", "17163091968"),
            ("gpu.1.id", "card1"),
            ("gpu.1.name", "AMD 0x73bf"),
            ("hostname", "box"),
            ("kernel", "6.1"),
            ("memory.bytes", "1048576"),
            ("os.id", "debian"),
            ("os.name", "Debian 12"),
            ("os.version", "12"),
            ("vm", "yes"),
            ("vm.product", "QEMU"),
        ];
        let got: Vec<(&str, &str)> = found
            .facts
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn an_empty_machine_says_what_it_lacks() {
        let root = machine(&[]);
        let found = facts_under(root.path());
        assert_eq!(found.facts.keys().collect::<Vec<_>>(), ["arch"]);
        assert_eq!(
            found.unknown["memory.bytes"],
            "'/proc/meminfo' does not say"
        );
    }

    #[test]
    fn nonsense_is_unknown_and_not_a_panic() {
        let root = machine(&[
            ("sys/devices/system/cpu/online", "5-2,x"),
            ("proc/meminfo", "MemTotal: lots"),
            ("proc/driver/nvidia/version", ""),
        ]);
        let found = facts_under(root.path());
        assert!(
            found.unknown.contains_key("cpu.count") && found.unknown.contains_key("memory.bytes")
        );
    }
}
