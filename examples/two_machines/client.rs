//! Looks at a server on another PC: whether it answers, its clock, and how old its samples are.

use std::time::{Duration, Instant};

use router_client::RouterClient;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://localhost".to_owned());
    let client = RouterClient::connect(&address)?;
    client.wait_connected(PATIENCE)?;
    println!("a server answers, this protocol version");

    let uptime = client.subscribe::<f64>("uptime_s").cache()?;
    let end = Instant::now() + PATIENCE;
    let clock = loop {
        match client.server_clock() {
            Some(clock) => break clock,
            None if Instant::now() > end => return Err("no ping was answered".into()),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    println!("its clock is known to within {:.3} ms", clock.uncertainty.as_secs_f64() * 1e3);

    let sample = uptime.wait_newer(PATIENCE)?;
    let clock = client.server_clock().ok_or("the server was lost")?;
    let here = clock.local_time(&sample).ok_or("the server was restarted meanwhile")?;
    println!("a sample was {:.1} ms old when it came", here.age.as_secs_f64() * 1e3);
    Ok(())
}
