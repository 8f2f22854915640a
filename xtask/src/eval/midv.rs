//! The published sets MIDV-500, MIDV-2019 and MIDV-2020 in their own layouts.
//!
//! MIDV-500 (Arlazarov et al., 2019) and MIDV-2019 have a folder for each document:
//!
//! ```text
//! 01_alb_id/images/01_alb_id.tif            the flat picture of the document
//! 01_alb_id/images/CA/CA01_01.tif           frames, by condition
//! 01_alb_id/ground_truth/CA/CA01_01.json    {"quad": [[x, y], ...]}: corners of the document
//! ```
//!
//! They do not hold the text of the zone. It is read from the flat picture in float, and taken for
//! true only if the reading is valid; documents without such a zone are left out. Frames in which a
//! corner of the document is outside are left out too: the zone may be cut.
//!
//! MIDV-2020 (Bulatov et al., 2022) has `images/KIND/NN.jpg` and `annotations/KIND.json` in each of
//! `photo`, `scan_upright`, `scan_rotated` and `templates`, in the format of the VGG Image
//! Annotator. Where regions are called `mrz_line0` and so on, their values are the text; otherwise it
//! is read from the picture of the same number in `templates`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::index::Row;
use crate::native;

/// Parts of MIDV-2020 with pictures of documents.
const PARTS: [&str; 3] = ["photo", "scan_upright", "scan_rotated"];
const TEMPLATES: &str = "templates";
const PICTURES: [&str; 4] = ["tif", "tiff", "jpg", "png"];

/// The frames of a set whose text is known.
///
/// # Errors
/// The folder has the layout of no set, or a file of it cannot be read.
pub(super) fn index(set: &Path) -> Result<Vec<Row>> {
    let rows = if set.join(TEMPLATES).is_dir() { of_2020(set)? } else { of_500(set)? };
    if rows.is_empty() {
        bail!("{} has no frames of documents with a readable zone", set.display());
    }
    Ok(rows)
}

/// The entries of a folder, sorted by name; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    PICTURES.iter().any(|known| extension == *known)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Format and lines of the pictures that are read with certainty.
fn texts(pictures: &[PathBuf]) -> Result<BTreeMap<PathBuf, (String, Vec<String>)>> {
    let readings = native::read(pictures, "f32")?;
    let known = |(path, reading): (&PathBuf, Value)| {
        let format = reading["document"]["format"].as_str()?.to_owned();
        let lines = reading["lines"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        (reading["valid"] == true).then(|| (path.clone(), (format, lines)))
    };
    Ok(pictures.iter().zip(readings).filter_map(known).collect())
}

/// Whether all corners of the document lie within the picture.
fn is_whole(truth: &Value, (width, height): (f64, f64)) -> bool {
    let corners = truth["quad"].as_array().map(Vec::as_slice).unwrap_or_default();
    let within = |corner: &Value| {
        let at = |index: usize| corner[index].as_f64().unwrap_or(-1.0);
        (0.0..width).contains(&at(0)) && (0.0..height).contains(&at(1))
    };
    corners.len() == 4 && corners.iter().all(within)
}

/// MIDV-500 and MIDV-2019.
fn of_500(set: &Path) -> Result<Vec<Row>> {
    let documents: Vec<PathBuf> =
        entries(set)?.into_iter().filter(|folder| folder.join("images").is_dir()).collect();
    let flat = |folder: &PathBuf| -> Option<PathBuf> {
        let pictures =
            PICTURES.map(|extension| folder.join("images").join(name(folder) + "." + extension));
        pictures.into_iter().find(|picture| picture.is_file())
    };
    let flats: Vec<PathBuf> = documents.iter().filter_map(flat).collect();
    let texts = texts(&flats)?;
    let mut rows = Vec::new();
    for folder in &documents {
        let Some((document, wanted)) =
            flat(folder).and_then(|picture| texts.get(&picture).cloned())
        else {
            continue;
        };
        for condition in entries(&folder.join("images"))?.into_iter().filter(|path| path.is_dir()) {
            for picture in entries(&condition)?.into_iter().filter(|path| is_picture(path)) {
                let kind = name(&condition);
                let truth = folder.join("ground_truth").join(&kind).join(name(&picture) + ".json");
                if !is_whole(&json(&truth)?, size(&picture)?) {
                    continue;
                }
                let file = picture.strip_prefix(set)?.to_string_lossy().into_owned();
                rows.push(Row {
                    file,
                    document: document.clone(),
                    kind,
                    wanted: wanted.clone(),
                    sharp: None,
                });
            }
        }
    }
    Ok(rows)
}

/// Width and height of a picture in pixels.
fn size(picture: &Path) -> Result<(f64, f64)> {
    let size = imagesize::size(picture).with_context(|| picture.display().to_string())?;
    let side = |pixels: usize| u32::try_from(pixels).map(f64::from);
    Ok((side(size.width)?, side(size.height)?))
}

/// The lines of the zone of each picture that an annotation file names them for.
fn annotated(truth: &Value) -> BTreeMap<String, Vec<String>> {
    let pictures =
        truth["_via_img_metadata"].as_object().into_iter().flat_map(|pictures| pictures.values());
    let lines = |picture: &Value| {
        let regions = picture["regions"].as_array().into_iter().flatten();
        let line = |region: &Value| {
            let attributes = &region["region_attributes"];
            let name = attributes["field_name"].as_str()?.strip_prefix("mrz_line")?.to_owned();
            Some((name, attributes["value"].as_str()?.to_owned()))
        };
        let lines: BTreeMap<String, String> = regions.filter_map(line).collect();
        let file = picture["filename"].as_str()?.to_owned();
        (!lines.is_empty()).then(|| (file, lines.into_values().collect()))
    };
    pictures.filter_map(lines).collect()
}

/// MIDV-2020.
fn of_2020(set: &Path) -> Result<Vec<Row>> {
    let kinds: Vec<String> =
        entries(&set.join(TEMPLATES).join("images"))?.iter().map(|path| name(path)).collect();
    let mut rows = Vec::new();
    for kind in kinds {
        let truth = set.join(TEMPLATES).join("annotations").join(format!("{kind}.json"));
        let annotated = if truth.is_file() { annotated(&json(&truth)?) } else { BTreeMap::new() };
        let templates: Vec<PathBuf> = entries(&set.join(TEMPLATES).join("images").join(&kind))?
            .into_iter()
            .filter(|path| is_picture(path))
            .collect();
        let read = texts(&templates)?;
        let text = |number: &str| {
            let template = templates.iter().find(|template| name(template) == number)?;
            let file = template.file_name()?.to_string_lossy().into_owned();
            let of = |lines: &Vec<String>| {
                let format = nibble_mrz::Format::of(lines)?;
                Some((format.to_string(), lines.clone()))
            };
            annotated.get(&file).and_then(of).or_else(|| read.get(template).cloned())
        };
        for part in PARTS {
            for picture in entries(&set.join(part).join("images").join(&kind))? {
                let Some((document, wanted)) =
                    text(&name(&picture)).filter(|_| is_picture(&picture))
                else {
                    continue;
                };
                let file = picture.strip_prefix(set)?.to_string_lossy().into_owned();
                rows.push(Row { file, document, kind: part.to_owned(), wanted, sharp: None });
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_whole_if_its_corners_are_in_the_picture() {
        let quad = |corner: [i32; 2]| json!({"quad": [[0, 0], [99, 0], corner, [0, 49]]});
        assert!(is_whole(&quad([99, 49]), (100.0, 50.0)));
        assert!(!is_whole(&quad([100, 49]), (100.0, 50.0)));
        assert!(!is_whole(&quad([-1, 49]), (100.0, 50.0)));
        assert!(!is_whole(&json!({}), (100.0, 50.0)));
    }

    #[test]
    fn lines_are_taken_from_annotations_in_order() {
        let region = |name: &str, value: &str| json!({"region_attributes": {"field_name": name, "value": value}});
        let truth = json!({"_via_img_metadata": {
            "00.jpg123": {"filename": "00.jpg", "regions": [region("mrz_line1", "B"), region("name", "X"), region("mrz_line0", "A")]},
            "01.jpg456": {"filename": "01.jpg", "regions": [region("name", "X")]},
        }});
        let expected =
            BTreeMap::from([("00.jpg".to_owned(), vec!["A".to_owned(), "B".to_owned()])]);
        assert_eq!(annotated(&truth), expected);
    }

    /// The layout of MIDV-500, with specimens for documents: read to the end.
    #[test]
    #[ignore = "builds and runs native-bench: `cargo xtask test` runs it in the step `midv`"]
    fn a_set_of_specimens_is_read() {
        let set = std::env::temp_dir().join(format!("nibble-midv-{}", std::process::id()));
        let specimens = crate::shell::root().join("testdata/specimens");
        for (number, specimen) in ["passport.jpg", "id-card-back.jpg"].into_iter().enumerate() {
            let folder = set.join(format!("{number:02}_specimen"));
            let (images, truth) = (folder.join("images/TA"), folder.join("ground_truth/TA"));
            std::fs::create_dir_all(&images).expect("a folder");
            std::fs::create_dir_all(&truth).expect("a folder");
            let flat = folder.join(format!("images/{number:02}_specimen.jpg"));
            std::fs::copy(specimens.join(specimen), flat).expect("a specimen");
            for (frame, quad) in [
                (1, [[1, 1], [50, 1], [50, 50], [1, 50]]),
                (2, [[-9, 1], [50, 1], [50, 50], [1, 50]]),
            ] {
                let frame = format!("TA{number:02}_{frame:02}");
                std::fs::copy(specimens.join(specimen), images.join(format!("{frame}.jpg")))
                    .expect("a specimen");
                let quad = json!({ "quad": quad }).to_string();
                std::fs::write(truth.join(format!("{frame}.json")), quad).expect("the corners");
            }
        }
        native::build().expect("native-bench");
        let rows = index(&set).expect("a set");
        std::fs::remove_dir_all(&set).expect("removed");
        let files: Vec<&str> = rows.iter().map(|row| row.file.as_str()).collect();
        assert_eq!(
            files,
            ["00_specimen/images/TA/TA00_01.jpg", "01_specimen/images/TA/TA01_01.jpg"]
        );
        assert!(rows.iter().all(|row| row.kind == "TA" && !row.wanted.is_empty()));
        assert_eq!((rows[0].document.as_str(), rows[1].document.as_str()), ("TD3", "TD1"));
    }
}
