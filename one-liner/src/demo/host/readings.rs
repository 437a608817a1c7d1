//! What is read of a computer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share as the operating system gives it, without digits that mean nothing.
pub(super) fn percent(share: f32) -> f64 {
    (f64::from(share) * 100.0).round() / 100.0
}

/// Main memory and swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Memory {
    /// Main memory there is [bytes].
    pub(crate) total_bytes: u64,
    /// Main memory in use [bytes].
    pub(crate) used_bytes: u64,
    /// Main memory that a program could still get [bytes].
    pub(crate) available_bytes: u64,
    /// Swap there is [bytes].
    pub(crate) swap_total_bytes: u64,
    /// Swap in use [bytes].
    pub(crate) swap_used_bytes: u64,
}

/// Processes that ran or waited to run, averaged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Load {
    /// Over the last minute.
    pub(crate) one_minute: f64,
    /// Over the last five minutes.
    pub(crate) five_minutes: f64,
    /// Over the last fifteen minutes.
    pub(crate) fifteen_minutes: f64,
}

/// A mounted disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Disk {
    /// Its device.
    pub(crate) name: String,
    /// Where it is mounted.
    pub(crate) mount_point: String,
    /// Its file system.
    pub(crate) file_system: String,
    /// Its size [bytes].
    pub(crate) total_bytes: u64,
    /// What is free for ordinary users [bytes].
    pub(crate) available_bytes: u64,
}

impl Disk {
    pub(super) fn read(disk: &sysinfo::Disk) -> Disk {
        Disk {
            name: disk.name().to_string_lossy().into_owned(),
            mount_point: disk.mount_point().to_string_lossy().into_owned(),
            file_system: disk.file_system().to_string_lossy().into_owned(),
            total_bytes: disk.total_space(),
            available_bytes: disk.available_space(),
        }
    }
}

/// Counters of a network interface since it came up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: String,
    /// Received [bytes].
    pub(crate) received_bytes: u64,
    /// Sent [bytes].
    pub(crate) sent_bytes: u64,
    /// Received packets.
    pub(crate) received_packets: u64,
    /// Sent packets.
    pub(crate) sent_packets: u64,
    /// Errors on receiving.
    pub(crate) receive_errors: u64,
    /// Errors on sending.
    pub(crate) send_errors: u64,
}

impl Interface {
    pub(super) fn read(name: &str, data: &sysinfo::NetworkData) -> Interface {
        Interface {
            name: name.to_owned(),
            received_bytes: data.total_received(),
            sent_bytes: data.total_transmitted(),
            received_packets: data.total_packets_received(),
            sent_packets: data.total_packets_transmitted(),
            receive_errors: data.total_errors_on_received(),
            send_errors: data.total_errors_on_transmitted(),
        }
    }
}

/// What all network interfaces move.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NetworkRate {
    /// Received [bytes/s].
    pub(crate) received_bytes_per_s: f64,
    /// Sent [bytes/s].
    pub(crate) sent_bytes_per_s: f64,
}

/// What a sensor says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Temperature {
    /// The sensor.
    pub(crate) sensor: String,
    /// Its temperature [degrees Celsius].
    pub(crate) celsius: f64,
    /// The temperature at which the computer protects itself [degrees Celsius].
    pub(crate) critical_celsius: Option<f64>,
}

impl Temperature {
    /// `None` when the sensor says nothing at present.
    pub(super) fn read(component: &sysinfo::Component) -> Option<Temperature> {
        let celsius = component.temperature().filter(|celsius| celsius.is_finite())?;
        Some(Temperature {
            sensor: component.label().to_owned(),
            celsius: f64::from(celsius),
            critical_celsius: component.critical().map(f64::from),
        })
    }
}

/// A process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// Its program.
    pub(crate) name: String,
    /// How much of one core it used [%].
    pub(crate) cpu_percent: f64,
    /// Main memory it holds [bytes].
    pub(crate) memory_bytes: u64,
}

impl Process {
    pub(super) fn read(process: &sysinfo::Process) -> Process {
        Process {
            pid: process.pid().as_u32(),
            name: process.name().to_string_lossy().into_owned(),
            cpu_percent: percent(process.cpu_usage()),
            memory_bytes: process.memory(),
        }
    }
}
