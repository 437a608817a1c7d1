//! `grab` and `view`: a camera's frames as files and as lines.

mod processes;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use processes::Demo;

/// Width, height, bits and text of a PNG.
fn read_png(path: &Path) -> (u32, u32, png::BitDepth, Vec<(String, String)>) {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut data).unwrap();
    let info = reader.info();
    let text = info.utf8_text.iter().map(|text| (text.keyword.clone(), text.get_text().unwrap())).collect();
    (info.width, info.height, info.bit_depth, text)
}

#[test]
fn a_frame_becomes_a_file_and_several_become_numbered_ones() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let grabbed = demo.run(&["grab", "camera.frame", &path("bead.png"), "--within", "60s", "--json"]);
    assert_eq!(grabbed.code, Some(0), "{grabbed:#?}");
    let told = grabbed.json();
    assert_eq!(
        (&told["frame"]["format"], &told["frame"]["width"]),
        (&"mono16".into(), &512.into()),
        "{told:#}"
    );
    let (width, height, depth, text) = read_png(&folder.path().join("bead.png"));
    assert_eq!((width, height, depth), (512, 512, png::BitDepth::Sixteen));
    let fact = |keyword: &str| &text.iter().find(|(key, _)| key == keyword).unwrap().1;
    assert_eq!((fact("Stream").as_str(), fact("Exposure [s]").as_str()), ("camera.frame", "0.02"));
    assert_eq!(fact("Sequence"), &told["sequence"].to_string());
    assert_eq!(fact("Frame counter"), &told["frame"]["frame_counter"].to_string());

    let series =
        demo.run(&["grab", "camera.frame", &path("run.tif"), "--count", "3", "--every", "2", "--json"]);
    assert_eq!(series.code, Some(0), "{series:#?}");
    let lines = series.json_lines();
    let numbers: Vec<_> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] >= pair[0] + 2), "{numbers:?}");
    for (number, line) in (1..).zip(&lines) {
        let name = path(&format!("run_{number:04}.tif"));
        assert_eq!(line["file"], name);
        assert!(std::fs::metadata(name).unwrap().len() > 2 * 512 * 512);
    }

    let again = demo.run(&["grab", "camera.frame", &path("bead.png")]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("--force replaces it"), "{}", again.stderr);
    let forced = demo.run(&["grab", "camera.frame", &path("bead.png"), "--force", "--within", "60s"]);
    assert_eq!(forced.code, Some(0), "{forced:#?}");
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 4, "nothing unfinished is left");
}

#[test]
fn what_gives_no_picture_says_why() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.png").to_string_lossy().into_owned();
    let check = |arguments: &[&str], code: i32, text: &str| {
        let finished = demo.run(arguments);
        assert_eq!(finished.code, Some(code), "{finished:#?}");
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    };
    check(
        &["grab", "stage.position_um", &path],
        1,
        "`stage.position_um` sends no frames: expected a frame, got ",
    );
    check(&["view", "stage.position_um"], 1, "`one-liner watch stage.position_um` prints what it sends");
    check(&["grab", "camera.fram", &path], 1, "did you mean `camera.frame`?");
    check(&["grab", "camera.frame", "frame.jpg"], 2, "write NAME.png or NAME.tif");
    check(&["grab", "camera.frame", "/no/such/folder/a.png"], 1, "there is no folder /no/such/folder");
    assert_eq!(demo.run(&["call", "camera.stop"]).code, Some(0));
    check(
        &["grab", "camera.frame", &path, "--within", "500ms"],
        3,
        "its source publishes nothing; `one-liner call camera.start` may start it",
    );
    assert_eq!(demo.run(&["disable", "camera.frame"]).code, Some(0));
    check(
        &["grab", "camera.frame", &path, "--within", "500ms"],
        3,
        "it is disabled; `one-liner enable camera.frame` streams it again",
    );
    assert!(!Path::new(&path).exists());
}

#[test]
fn without_a_terminal_the_view_is_a_line_a_second() {
    let demo = Demo::start();
    let view = demo.spawn(&["view", "camera.frame", "--json"]);
    let line = view.stdout.until_object(|line| line["received"].as_u64() > Some(1));
    view.finish_at_once();
    let frame = &line["frame"];
    assert_eq!((&frame["format"], &frame["height"]), (&"mono16".into(), &512.into()), "{frame:#}");
    assert!(frame["min"].as_f64().unwrap() < frame["max"].as_f64().unwrap());
    assert!(line["age_ms"].is_f64() && line["rate_hz"].is_f64() && line["lost"] == 0, "{line:#}");
    let view = demo.spawn(&["view", "camera.frame"]);
    let text = view.stdout.next();
    assert!(text.starts_with("mono16[512, 512]  frame ") && text.contains(" old  0 lost"), "{text}");
    view.finish_at_once();
}
