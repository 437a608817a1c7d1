//! Watches a stream that somebody else enables and disables.

use std::time::Duration;

use router_client::RouterClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let power = client.subscribe::<f64>("lamp.power_mw").queue(1000)?;

    let first = power.recv_timeout(Duration::from_secs(30))?;
    println!("it is on: {:.0} mW", first.value);
    while power.recv_timeout(Duration::from_secs(1)).is_ok() {}
    println!("it is off");
    Ok(())
}
