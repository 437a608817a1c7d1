//! A program that publishes with the `zmq` crate and knows of nobody: topic and JSON, 20 times a second. The same as
//! `python/pub.py`.

use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let publisher = zmq::Context::new().socket(zmq::PUB)?;
    publisher.bind(&std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:*".to_owned()))?;
    let endpoint = publisher.get_last_endpoint()?.map_err(|_| "an endpoint that is no text")?;
    println!("publishing at {endpoint}");

    for reading in 0_u32.. {
        publisher.send_multipart(["power_mw", &(f64::from(reading) * 0.5).to_string()], 0)?;
        publisher.send_multipart(["shutter", "\"open\""], 0)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
