//! Tests that the files hold the lines that the generator reports, in every
//! compression.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use sluice_sample_events::generate::{GenerateArgs, generate_landing, run_generator};

fn args(landing: &Path, more: &[&str]) -> GenerateArgs {
    let landing = landing.to_str().unwrap();
    let base = ["generate-events", "--landing", landing];
    GenerateArgs::try_parse_from(base.iter().chain(more)).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn text(folder: &Path) -> String {
    let mut text = String::new();
    for path in files(folder) {
        let mut file = File::open(&path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "json" => file.read_to_string(&mut text).unwrap(),
            "gz" => flate2::read::GzDecoder::new(file)
                .read_to_string(&mut text)
                .unwrap(),
            "zst" => zstd::Decoder::new(file)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap(),
            other => panic!("unexpected file ending {other}"),
        };
    }
    text
}

#[test]
fn compression_and_files_do_not_change_the_lines() {
    let base = [
        "--user-events",
        "700",
        "--transactions",
        "300",
        "--malformed-permille",
        "10",
    ];
    let mut texts = Vec::new();
    for more in [
        vec![],
        vec!["--files", "7"],
        vec!["--files", "3", "--compression", "gzip"],
        vec!["--files", "2", "--compression", "zstd"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let report = generate_landing(&args(folder.path(), &[&base[..], &more].concat())).unwrap();
        assert_eq!(report.user_events.lines, 700);
        assert_eq!(report.transactions.lines, 300);
        let topics = ["user_events", "transaction_events"].map(|t| folder.path().join(t));
        assert_eq!(files(&topics[0]).len() as u64, report.user_events.files);
        let both = topics.map(|topic| text(&topic));
        assert_eq!(both[0].len() as u64, report.user_events.bytes);
        assert_eq!(both[1].lines().count(), 300);
        texts.push(both);
    }
    for other in &texts[1..] {
        assert!(texts[0] == *other);
    }
}

#[test]
fn bytes_give_about_that_size() {
    let folder = tempfile::tempdir().unwrap();
    let report = generate_landing(&args(folder.path(), &["--bytes", "5MB"])).unwrap();
    let bytes = report.user_events.bytes + report.transactions.bytes;
    assert!((4_800_000..5_200_000).contains(&bytes), "{bytes}");
    assert_eq!(report.user_events.lines, 2 * report.transactions.lines);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = generate_landing(&args(&file, &[])).unwrap_err();
    assert!(
        error.to_string().contains("user_events")
            || error.to_string().contains("transaction_events"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("check that the folder is writable"),
        "{error}"
    );
}

#[test]
fn shares_above_everything_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let args = args(
        folder.path(),
        &["--duplicate-permille", "600", "--malformed-permille", "600"],
    );
    let error = run_generator(&args, &mut Vec::new()).unwrap_err();
    assert!(
        error.to_string().contains("make their sum smaller"),
        "{error}"
    );
}
