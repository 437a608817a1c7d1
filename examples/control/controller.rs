//! A third process: enables the stream, changes its frequency, and disables it.

use std::time::{Duration, Instant};

use router_client::RouterClient;
use router_client::describe::StreamDescription;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;

    let lamp = wait_until(&client, |lamp| lamp.subscribers > 0)?;
    println!("enabled: {}, {} Hz", lamp.enabled, lamp.frequency_hz.unwrap_or_default());

    client.enable_stream("lamp.power_mw").wait()?;
    client.enable_stream("lamp.power_mw").wait()?; // twice is no error
    client.set_frequency("lamp.power_mw", 50.0).wait()?;
    let lamp = wait_until(&client, |lamp| lamp.enabled)?;
    println!("enabled: {}, {} Hz", lamp.enabled, lamp.frequency_hz.unwrap_or_default());

    let power = client.subscribe::<f64>("lamp.power_mw").queue(100)?;
    for sample in power.iter().take(10) {
        sample?;
    }
    client.disable_stream("lamp.power_mw").wait()?;
    let lamp = wait_until(&client, |lamp| !lamp.enabled)?;
    println!("enabled: {}", lamp.enabled);
    Ok(())
}

/// The stream's description, as soon as it is as wanted.
fn wait_until(
    client: &RouterClient,
    wanted: impl Fn(&StreamDescription) -> bool,
) -> Result<StreamDescription, Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        let streams = client.describe().wait()?.streams;
        if let Some(lamp) =
            streams.into_iter().find(|stream| stream.name == "lamp.power_mw" && wanted(stream))
        {
            return Ok(lamp);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("the stream did not become as wanted within 30 s".into())
}
