//! What others wait while one client's call is blocked for ever.

use std::time::Duration;

use router_client::{Call, ConnectOptions, Interrupted, RouterClient, interface};
use router_server::RouterServer;

use crate::timing::Latencies;
use crate::{Effort, Outcome};

/// An instrument whose method never returns by itself.
struct Stuck;

#[interface]
impl Stuck {
    /// Until it is cancelled.
    pub fn block(&self, call: &Call) -> Result<(), Interrupted> {
        loop {
            call.sleep(Duration::from_secs(3600))?;
        }
    }

    /// Beside it.
    #[call(urgent)]
    pub fn urgent(&self) {}
}

/// Another instrument.
struct Free;

#[interface]
impl Free {
    /// On its own lane.
    pub fn read(&self) -> f64 {
        20.5
    }
}

/// Prints the table of independence: idle first, then with a blocked call.
pub(crate) fn run(effort: Effort) -> Outcome {
    let server = RouterServer::bind("tcp://127.0.0.1:*")?;
    server.add_instrument("stuck", Stuck)?;
    server.add_instrument("free", Free)?;
    let address = server.endpoints().calls.to_string();
    let client = RouterClient::connect(&address)?;
    let other = RouterClient::connect_with(&address, ConnectOptions::default().name("blocked"))?;

    println!(
        "| from one client | server idle: p50 us | p99 us | another's call blocked: p50 us | p99 us | max us |"
    );
    println!("|---|---|---|---|---|---|");
    let idle = measure(&client, effort)?;
    let blocked = other.call::<()>("stuck.block", ()).start();
    while !client.lanes().wait()?.iter().any(|lane| lane.name == "stuck" && lane.running.is_some()) {
        std::thread::yield_now();
    }
    let beside = measure(&client, effort)?;
    for ((shown, idle), (_, beside)) in idle.iter().zip(&beside) {
        println!(
            "| {shown} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            idle.percentile_us(0.5),
            idle.percentile_us(0.99),
            beside.percentile_us(0.5),
            beside.percentile_us(0.99),
            beside.percentile_us(1.0),
        );
    }
    blocked.cancel();
    drop(blocked);
    println!("\nThe server {}.", server.stop());
    Ok(())
}

fn measure(
    client: &RouterClient,
    effort: Effort,
) -> Result<Vec<(&'static str, Latencies)>, Box<dyn std::error::Error>> {
    let count = effort.round_trips / 4;
    Ok(vec![
        ("ping", Latencies::measure(count, || client.ping().map(drop))?),
        (
            "urgent call, same instrument",
            Latencies::measure(count, || client.call("stuck.urgent", ()).wait())?,
        ),
        (
            "call, another instrument",
            Latencies::measure(count, || client.call::<f64>("free.read", ()).wait().map(drop))?,
        ),
    ])
}
