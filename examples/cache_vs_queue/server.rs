//! Publishes numbers when asked to.

use router_server::RouterServer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let mut numbers = server.add_publisher::<u64>("number", 64)?;
    let mut next = 0_u64;
    server.add_call("count", move |(times,): (u64,)| -> Result<u64, String> {
        for _ in 0..times {
            numbers.publish(&next).map_err(|error| error.to_string())?;
            next += 1;
        }
        Ok(next)
    })?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
