//! The instrument `host`: this computer, read for real.

mod readings;

use std::time::{Duration, Instant};

use router_client::{Call, Interrupted, RemoteError, interface};
use sysinfo::{Components, Disks, Networks, ProcessRefreshKind, ProcessesToUpdate, System};
use thiserror::Error;

use readings::{Disk, Interface, Load, Memory, NetworkRate, Process, Temperature};

/// This computer as an instrument. Its methods run on its lane, one after another: each changes what the
/// next one compares with.
pub(crate) struct Host {
    system: System,
    disks: Disks,
    networks: Networks,
    /// `None` where the platform has no sensors that can be read.
    components: Option<Components>,
    cpu: CpuReading,
    network: NetworkReading,
}

/// The use of the cores is a difference between two readings; this is the last one.
struct CpuReading {
    taken: Instant,
    percent: Vec<f64>,
}

/// As [`CpuReading`], of the bytes that all network interfaces moved.
struct NetworkReading {
    taken: Instant,
    received_bytes: u64,
    sent_bytes: u64,
    rate: NetworkRate,
}

/// Why this computer could not be read.
#[derive(Debug, Clone, Error, RemoteError)]
pub(crate) enum HostError {
    /// The operating system did not tell.
    #[error("the operating system does not tell its {what}: {reason}")]
    Unreadable {
        /// What was asked for.
        what: String,
        /// What the operating system says.
        reason: String,
    },
    /// The call was cancelled or its deadline passed.
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

/// Two readings closer together than this say nothing about the cores.
const CPU_INTERVAL: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;
const NETWORK_INTERVAL: Duration = Duration::from_millis(50);
const PROCESS_INTERVAL: Duration = Duration::from_millis(250);

impl Host {
    /// Takes the first readings, which takes a fifth of a second.
    ///
    /// # Errors
    /// [`HostError::Unreadable`] on a platform that `sysinfo` does not know.
    pub(crate) fn open() -> Result<Host, HostError> {
        let mut system = System::new().map_err(unreadable("state"))?;
        system.refresh_cpu_usage();
        std::thread::sleep(CPU_INTERVAL);
        let cpu = CpuReading::take(&mut system);
        let networks = Networks::new_with_refreshed_list().map_err(unreadable("network interfaces"))?;
        let (received_bytes, sent_bytes) = totals(&networks);
        Ok(Host {
            cpu,
            network: NetworkReading {
                taken: Instant::now(),
                received_bytes,
                sent_bytes,
                rate: NetworkRate::default(),
            },
            disks: Disks::new_with_refreshed_list().map_err(unreadable("disks"))?,
            components: Components::new_with_refreshed_list().ok(),
            networks,
            system,
        })
    }
}

impl CpuReading {
    /// What the cores did since `system` read them last.
    fn take(system: &mut System) -> CpuReading {
        system.refresh_cpu_usage();
        let percent = system.cpus().iter().map(|core| readings::percent(core.usage())).collect();
        CpuReading { taken: Instant::now(), percent }
    }
}

/// This computer, read for real.
#[interface]
impl Host {
    /// How busy each core was since the last reading [%].
    pub fn cpu_percent(&mut self) -> Vec<f64> {
        if self.cpu.taken.elapsed() >= CPU_INTERVAL {
            self.cpu = CpuReading::take(&mut self.system);
        }
        self.cpu.percent.clone()
    }

    /// Main memory and swap.
    pub fn memory(&mut self) -> Memory {
        self.system.refresh_memory();
        Memory {
            total_bytes: self.system.total_memory(),
            used_bytes: self.system.used_memory(),
            available_bytes: self.system.available_memory(),
            swap_total_bytes: self.system.total_swap(),
            swap_used_bytes: self.system.used_swap(),
        }
    }

    /// Processes that ran or waited to run, averaged over 1, 5 and 15 minutes.
    pub fn load(&mut self) -> Result<Load, HostError> {
        let load = System::load_average().map_err(unreadable("load"))?;
        Ok(Load { one_minute: load.one, five_minutes: load.five, fifteen_minutes: load.fifteen })
    }

    /// Disks and how full they are.
    pub fn disks(&mut self) -> Vec<Disk> {
        self.disks.refresh(true);
        self.disks.iter().map(Disk::read).collect()
    }

    /// Counters of each network interface since it came up.
    pub fn network(&mut self) -> Vec<Interface> {
        self.networks.refresh(true);
        let mut interfaces: Vec<_> =
            self.networks.iter().map(|(name, data)| Interface::read(&name.to_string_lossy(), data)).collect();
        interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        interfaces
    }

    /// What all network interfaces together moved per second since the last reading.
    pub fn network_rate(&mut self) -> NetworkRate {
        let seconds = self.network.taken.elapsed();
        if seconds >= NETWORK_INTERVAL {
            self.networks.refresh(true);
            let (received_bytes, sent_bytes) = totals(&self.networks);
            // An interface that went away takes its counters with it: no rate is negative.
            let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds.as_secs_f64();
            self.network = NetworkReading {
                taken: Instant::now(),
                rate: NetworkRate {
                    received_bytes_per_s: rate(received_bytes, self.network.received_bytes),
                    sent_bytes_per_s: rate(sent_bytes, self.network.sent_bytes),
                },
                received_bytes,
                sent_bytes,
            };
        }
        self.network.rate
    }

    /// Temperatures; empty where there is no sensor that can be read.
    pub fn temperatures(&mut self) -> Vec<Temperature> {
        let Some(components) = &mut self.components else { return Vec::new() };
        components.refresh(true);
        components.iter().filter_map(Temperature::read).collect()
    }

    /// Time since this computer was started [s].
    pub fn uptime_s(&mut self) -> Result<u64, HostError> {
        System::uptime().map_err(unreadable("uptime"))
    }

    /// The `n` processes that use the processor most. Measures for a quarter of a second.
    pub fn top_processes(
        &mut self,
        call: &Call,
        #[arg(default = 10)] n: usize,
    ) -> Result<Vec<Process>, HostError> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        call.sleep(PROCESS_INTERVAL)?;
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let mut processes: Vec<_> = self.system.processes().values().map(Process::read).collect();
        processes.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent).then(a.pid.cmp(&b.pid)));
        processes.truncate(n);
        Ok(processes)
    }
}

fn totals(networks: &Networks) -> (u64, u64) {
    networks.values().fold((0, 0), |(received, sent), interface| {
        (received + interface.total_received(), sent + interface.total_transmitted())
    })
}

fn unreadable(what: &str) -> impl FnOnce(sysinfo::Error) -> HostError {
    move |error| HostError::Unreadable { what: what.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_is_read() {
        let mut host = Host::open().unwrap();
        let call = Call::local("host.test");
        let cores = host.cpu_percent();
        assert!(
            !cores.is_empty() && cores.iter().all(|percent| (0.0..=100.5).contains(percent)),
            "{cores:?}"
        );
        let memory = host.memory();
        assert!(memory.total_bytes > 0 && memory.used_bytes <= memory.total_bytes, "{memory:?}");
        assert!(host.uptime_s().unwrap() > 0);
        let processes = host.top_processes(&call, 3).unwrap();
        assert!((1..=3).contains(&processes.len()) && processes.iter().all(|p| p.pid > 0), "{processes:?}");
        assert!(host.network_rate().received_bytes_per_s >= 0.0);
        assert!(host.disks().iter().all(|disk| disk.available_bytes <= disk.total_bytes));
        assert!(host.temperatures().iter().all(|sensor| sensor.celsius.is_finite()));
        host.network();
    }
}
