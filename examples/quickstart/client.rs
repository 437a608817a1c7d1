//! Calls the stage by name and watches its position.

use std::time::Duration;

use router_client::RouterClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;

    let beeps: String = client.call("beep", (3,)).deadline(Duration::from_secs(5)).wait()?;
    println!("{beeps}");

    let reached_um: f64 = client.call("stage.move_to", (1500.0,)).wait()?;
    println!("moved to {reached_um} um");

    // The first sample may still be the one from before the move.
    let position = client.subscribe::<f64>("stage.position_um").cache()?;
    while position.wait_newer(Duration::from_secs(5))?.value != reached_um {}
    println!("the stream says {} um", position.latest()?.value);
    Ok(())
}
