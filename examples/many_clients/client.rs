//! `alice` waits for the oven; everyone else reads the thermometer a thousand times meanwhile, and knocks.

use std::time::{Duration, Instant};

use router_client::{ConnectOptions, RouterClient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let name = arguments.next().unwrap_or_else(|| "alice".to_owned());
    let client = RouterClient::connect_with(&address, ConnectOptions::default().name(&name))?;

    if name == "alice" {
        let visitors: Vec<String> = client.call("oven.bake", ()).wait()?;
        println!("the oven waited for {}", visitors.join(" and "));
        return Ok(());
    }

    let running = wait_until_the_oven_bakes(&client)?;
    println!("the oven bakes for {running}");
    for _ in 0..1000 {
        let temperature_degc: f64 = client.call("thermometer.temperature_degc", ()).wait()?;
        assert_eq!(temperature_degc, 20.5);
    }
    println!("1000 readings meanwhile");
    client.call::<()>("oven.knock", (name,)).wait()?;
    Ok(())
}

/// What `one-liner ping` shows too: which call runs on each lane, and for whom.
fn wait_until_the_oven_bakes(client: &RouterClient) -> Result<String, Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        let lanes = client.lanes().wait()?;
        let oven = lanes.into_iter().find(|lane| lane.name == "oven");
        if let Some(running) = oven.and_then(|lane| lane.running) {
            return Ok(running.client);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("nobody baked within 30 s".into())
}
