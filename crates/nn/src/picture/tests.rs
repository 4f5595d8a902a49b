use serde::Deserialize;

use super::*;
use thoracast_files::testing::shared;

#[test]
fn a_png_comes_back_as_it_was_and_faulty_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe { width: 20, height: 10, ..Recipe::t4() };
    let picture = Picture { width: 20, height: 10, grey: (0..200).collect() };
    let png = write_png(&picture).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert_eq!(read_picture(&file("a.png", &png), &recipe).unwrap(), picture);

    let message = |path: &Path, recipe: &Recipe| read_picture(path, recipe).unwrap_err().to_string();
    let size = message(&file("size.png", &png), &Recipe::t4());
    assert!(size.contains("size.png") && size.contains("20×10") && size.contains("500×300"), "{size}");
    let cut = message(&file("cut.png", &png[..png.len() / 2]), &recipe);
    assert!(cut.contains("cut.png") && cut.contains("cut short"), "{cut}");
    let text = message(&file("text.png", b"hello"), &recipe);
    assert!(text.contains("no PNG or JPEG"), "{text}");
    let none = message(&folder.path().join("none.png"), &recipe);
    assert!(none.contains("none.png") && none.contains("cannot be read"), "{none}");

    let mut deep = vec![];
    image::codecs::png::PngEncoder::new(&mut deep)
        .write_image(&[0; 400], 20, 10, image::ExtendedColorType::L16)
        .unwrap();
    let deep = message(&file("deep.png", &deep), &recipe);
    assert!(deep.contains("8 bits"), "{deep}");
    assert!(write_png(&Picture { width: 3, height: 3, grey: vec![0; 4] }).is_err());
}

#[test]
fn colour_becomes_luma_and_grey_stays() {
    assert!((0..=255).all(|g| luma([g, g, g]) == g));
    assert_eq!([luma([255, 0, 0]), luma([0, 255, 0]), luma([0, 0, 255])], [76, 150, 29]);
}

#[derive(Deserialize)]
struct Reference {
    file: String,
    shape: [usize; 3],
    channel_mean: [f64; 3],
    channel_sd: [f64; 3],
    pixels: Vec<ReferencePixel>,
}

#[derive(Deserialize)]
struct ReferencePixel {
    row: usize,
    col: usize,
    value: [f64; 3],
}

#[test]
fn cohort_pictures_meet_torchvisions_preprocessing() {
    let (Some(networks), Some(images)) = (shared("reference/networks"), shared("cohort/images")) else {
        return;
    };
    let text = std::fs::read(networks.join("preprocessing.json")).unwrap();
    let references: Vec<Reference> = serde_json::from_slice(&text).unwrap();
    assert_eq!(references.len(), 2);
    for reference in references {
        let recipe = if reference.file.starts_with("T4/") { Recipe::t4() } else { Recipe::t11() };
        let picture = read_picture(&images.join(&reference.file), &recipe).unwrap();
        assert_eq!([picture.height, picture.width, 3], reference.shape);
        let values = normalise(&picture, &recipe).values;
        let pixels = picture.width * picture.height;
        for channel in 0..3 {
            let plane = &values[channel * pixels..(channel + 1) * pixels];
            let mean = plane.iter().map(|v| f64::from(*v)).sum::<f64>() / pixels as f64;
            let sd =
                (plane.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / pixels as f64).sqrt();
            // Two grey levels: decoders round differently, and the T4 file's chroma is one level off neutral, which
            // leaves its red, green and blue up to two levels from the luma.
            let grey = 1.0 / 255.0 / f64::from(recipe.sd[channel]);
            assert!(
                (mean - reference.channel_mean[channel]).abs() < 2.0 * grey,
                "{} mean {mean}",
                reference.file
            );
            assert!((sd - reference.channel_sd[channel]).abs() < 0.5 * grey, "{} sd {sd}", reference.file);
            for pixel in &reference.pixels {
                let value = f64::from(plane[pixel.row * picture.width + pixel.col]);
                assert!((value - pixel.value[channel]).abs() <= 2.01 * grey, "{} {value}", reference.file);
            }
        }
    }
}

#[test]
fn a_shrunk_picture_is_the_mean_of_its_squares() {
    let recipe = Recipe { width: 5, height: 4, shrink: 2, mean: [0.0; 3], sd: [1.0; 3], ..Recipe::t4() };
    let picture = Picture { width: 5, height: 4, grey: (0..20).map(|i| i * 10).collect() };
    let got = normalise(&picture, &recipe);
    assert_eq!((got.height, got.width, got.values.len()), (2, 2, 12));
    // Columns 4 is left over; the first square holds 0, 10, 50, 60.
    for (value, want) in got.values.iter().zip([30.0, 50.0, 130.0, 150.0]) {
        assert!((value * 255.0 - want).abs() < 1e-4, "{value} {want}");
    }
    // Cards from before shrinking existed mean full size, and full size is not written.
    let text = serde_json::to_string(&Recipe::t4()).unwrap();
    assert!(!text.contains("shrink"));
    assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), Recipe::t4());
}
