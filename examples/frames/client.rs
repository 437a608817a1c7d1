//! A viewer that computes on the bytes that it received.

use std::time::Duration;

use ndarray::{ArrayView2, s};
use router_client::RouterClient;
use router_frame::Frame;

/// Row and column of the brightest pixel.
fn brightest(pixels: &ArrayView2<'_, u16>) -> (usize, usize) {
    let (place, _) = pixels.indexed_iter().max_by_key(|(_, value)| **value).expect("a frame has a pixel");
    place
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let frames = client.subscribe::<Frame>("camera.frame").without_last_value().queue(100)?;

    let first = frames.recv_timeout(Duration::from_secs(10))?.value;
    let pixels = first.view::<u16>()?;
    let corner = pixels.slice(s![..10, ..10]);
    assert_eq!(corner.as_ptr().cast(), first.pixels().as_ptr(), "a view of what was received");
    println!("{}, its corner {} on average", first.shape_text(), corner.mean().expect("100 pixels"));

    let (row, mut column) = brightest(&pixels);
    for number in 1..=5 {
        let frame = frames.recv_timeout(Duration::from_secs(10))?.value;
        assert_eq!(
            frame.frame_counter,
            first.frame_counter.map(|counter| counter + number),
            "one is missing"
        );
        let (_, further) = brightest(&frame.view::<u16>()?);
        assert!(further == column + 1 || further < column, "the spot wanders by a column a frame");
        column = further;
    }
    println!("the spot moves: 5 frames, 5 columns further");
    println!("the brightest pixel is {}, as bright as 12 bits can be", first.statistics().max);

    let image = first.luma::<u16>()?; // image::ImageBuffer<Luma<u16>, &[u16]>
    println!("as an image: {} x {}, its brightest row is row {row}", image.width(), image.height());
    Ok(())
}
