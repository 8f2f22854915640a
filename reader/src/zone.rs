//! Reading a zone: look at its lines, add the missing ones, straighten all of them, and read them
//! under each format that fits.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::candidate::Candidate;
use crate::decode::Extent;
use crate::line::Line;
use crate::locate::{Zone, level_heights};
use crate::look::{Look, MIN_EVIDENCE};
use crate::measure::{PITCH_PER_CAP, neighbour, refine};
use crate::numeric::sort_by;
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use crate::strips::Strips;

/// Where the lines have less evidence than this on average, they are also read upside down.
const UPRIGHT_EVIDENCE: f32 = 3.0;
/// A line with so much evidence is the right way up, whether its zone can be read or not.
const CERTAIN_EVIDENCE: f32 = 3.6;
/// Characters of a zone with a single line: that of a driving licence.
const SINGLE_LENGTH: usize = 30;
/// Characters of the lines of a Swiss licence.
const SWISS_LENGTHS: [usize; 3] = [9, 30, 30];
/// Maximum groups of lines that are read in a zone.
const MAX_GROUPS: usize = 2;
/// Maximum evidence per character that a line loses when it is aligned with others. A line that is
/// miscounted by one loses about 0.3.
const ALIGNED_SLACK: f32 = 0.15;
/// The same where lines lean more than those of tilted pages.
const LEANING_SLACK: f32 = 0.3;
/// Maximum lean of the uprights of a zone, as a share of their height. One miscounted character is
/// a lean of 0.3 to 0.45.
const MAX_LEAN: f32 = 0.28;
/// Minimum distance between the starts of two lines, in characters, if one of them is miscounted.
const MIN_BESIDE: f32 = 0.75;
/// Maximum difference between the distances of two lines' starts and of their ends, in characters,
/// if one of them is miscounted. On bent and on tilted pages, the distances differ more.
const MAX_UNLIKE: f32 = 0.5;
/// Minimum log probability per character of a candidate.
const MIN_SCORE: f32 = -1.6;

/// The candidates of a zone: usually one; none if it has no line of a machine-readable zone.
pub(super) fn read_zone(network: &mut Strips, picture: &Pyramid, zone: &Zone) -> Vec<Candidate> {
    let looks = look_all(network, picture, &zone.lines);
    let (upright, best) = (total(&looks), surest(&looks));
    if upright <= 0.0 {
        return Vec::new();
    }
    // Upside down, text still has some evidence.
    let reads_badly = upright < UPRIGHT_EVIDENCE * looks.len() as f32;
    let mut needed = best;
    let mut candidates = Vec::new();
    if !reads_badly {
        candidates = read_looks(network, picture, looks.clone());
        if best >= CERTAIN_EVIDENCE || candidates.iter().any(Candidate::is_probable) {
            return candidates;
        }
        needed = CERTAIN_EVIDENCE;
    }
    // It reads badly this way up: the zone may be upside down.
    let turned: Vec<LinePath> = zone.lines.iter().rev().map(LinePath::reversed).collect();
    let other = look_all(network, picture, &turned);
    // Upside down, some lines may still look like text, but the surest one does not.
    if total(&other) > upright && surest(&other) >= needed {
        candidates.extend(read_looks(network, picture, other));
    } else if reads_badly {
        candidates = read_looks(network, picture, looks);
    }
    candidates
}

/// The candidates of a zone this way up, from the looks at its lines.
fn read_looks(network: &mut Strips, picture: &Pyramid, looks: Vec<Option<Look>>) -> Vec<Candidate> {
    let mut looks: Vec<Look> =
        looks.into_iter().flatten().filter(|look| look.evidence() > MIN_EVIDENCE).collect();
    complete(network, picture, &mut looks);
    straighten(network, picture, &mut looks);
    let mut found = Vec::new();
    for (count, length) in [(2, 44), (2, 36), (3, 30)] {
        for group in looks.windows(count) {
            let extents: Option<Vec<Extent>> =
                group.iter().map(|look| look.extent(length)).collect();
            if let Some(mut extents) = extents {
                align(group.iter(), &mut extents);
                found.push((
                    extents.iter().map(|extent| extent.score).sum::<f32>() / count as f32,
                    group,
                    extents,
                ));
            }
        }
    }
    sort_by(&mut found, |a, b| b.0.total_cmp(&a.0));
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, group, extents) in found.iter().take(MAX_GROUPS) {
        let read = read_group(network, picture, group, extents);
        candidates.extend(read.filter(|candidate| candidate.score() > MIN_SCORE));
        if candidates.iter().any(|candidate| candidate.ends_search(network)) {
            break;
        }
    }
    if candidates.is_empty() {
        candidates.extend(looks.windows(2).find_map(|pair| read_swiss(network, picture, pair)));
    }
    if candidates.is_empty()
        && let Some(look) = looks.iter().max_by(|a, b| a.evidence().total_cmp(&b.evidence()))
        && let Some(extent) = look.extent(SINGLE_LENGTH)
    {
        candidates.extend(read_group(network, picture, std::slice::from_ref(look), &[extent]));
    }
    candidates
}

/// Lines of a zone begin below one another. Where one begins about a character or more to the left
/// or right of the surest one, its extent is moved below that if the evidence there is about the
/// same: a mark beside a line looks like a character, and a character under a mark does not.
fn align<'a>(looks: impl Iterator<Item = &'a Look>, extents: &mut [Extent]) {
    let looks: Vec<&Look> = looks.collect();
    let Some(surest) =
        (0..extents.len()).max_by(|&a, &b| extents[a].score.total_cmp(&extents[b].score))
    else {
        return;
    };
    let course = looks[surest].counted(&extents[surest]);
    for (look, extent) in looks.iter().zip(extents) {
        let other = look.counted(extent);
        let [start, end] = beside(&course, &other);
        let beside = (start + end) / 2.0;
        if beside.abs() < MIN_BESIDE || (start - end).abs() > MAX_UNLIKE {
            continue;
        }
        let first = extent.first - beside.round() as i32;
        let moved = look.lattice.extent_from(first, extent.length);
        let slack = if leans_much(&course, &other) { LEANING_SLACK } else { ALIGNED_SLACK };
        if moved.score > extent.score - slack {
            *extent = moved;
        }
    }
}

/// How many characters another line of a zone begins, and ends, to the right of this one.
fn beside(path: &LinePath, other: &LinePath) -> [f32; 2] {
    [0.0, path.length].map(|u| {
        let (along, between) = (path.tangent(u), other.at(u) - path.at(u));
        between.dot(along) / along.dot(along)
    })
}

/// Whether two lines of a zone lean more than those of tilted pages do, at both ends alike: then
/// one is miscounted.
fn leans_much(path: &LinePath, other: &LinePath) -> bool {
    let [start, end] = beside(path, other);
    let lean = PITCH_PER_CAP * (start + end) / (2.0 * distance(path, other));
    lean.abs() > MAX_LEAN && (start - end).abs() < MAX_UNLIKE
}

/// Adds the lines that the locator missed, above, below and between those found, until the zone has
/// as many lines as its format.
fn complete(network: &mut Strips, picture: &Pyramid, looks: &mut Vec<Look>) {
    let Some(surest) = looks.iter().max_by(|a, b| a.evidence().total_cmp(&b.evidence())) else {
        return;
    };
    let length = surest.length();
    let wanted = if length == 30 { 3 } else { 2 };
    let mut tried = 0;
    while looks.iter().filter(|look| look.extent(length).is_some()).count() < wanted
        && tried < looks.len()
    {
        let look = &looks[tried];
        tried += 1;
        let Some(path) = look.extent(length).map(|extent| look.counted(&extent)) else { continue };
        for below in [true, false] {
            let known: Vec<f32> = looks.iter().map(|look| distance(&path, &look.path)).collect();
            let Some(next) = neighbour(picture, &path, below, &known) else { continue };
            if let Some(look) = Look::at(network, picture, &next)
                && look.evidence() > MIN_EVIDENCE
            {
                looks.push(look);
            }
        }
    }
    let along = looks[0].path.tangent(0.0).unit();
    sort_by(looks, |a, b| {
        let depth = |look: &Look| along.cross(look.path.at(look.path.length / 2.0));
        depth(a).total_cmp(&depth(b))
    });
}

/// Looks again at each line along the course of the surest one, shifted to where the line was
/// found: lines of a zone are parallel and share their columns. This corrects lines that were
/// located only in part, or so foreshortened that no correct lattice was found. Where every line was
/// read well, nothing is gained.
fn straighten(network: &mut Strips, picture: &Pyramid, looks: &mut [Look]) {
    let Some(surest) =
        (0..looks.len()).max_by(|&a, &b| looks[a].evidence().total_cmp(&looks[b].evidence()))
    else {
        return;
    };
    if looks.iter().all(Look::is_settled) {
        return;
    }
    let length = looks[surest].length();
    let Some(extent) = looks[surest].extent(length) else { return };
    let course = looks[surest].counted(&extent);
    for (_, look) in looks.iter_mut().enumerate().filter(|&(index, _)| index != surest) {
        let moved = course.beside(distance(&course, &look.located));
        let moved = refine(picture, &moved).unwrap_or(moved);
        let evidence = look.lattice.extent(length).score;
        if let Some(again) = Look::at(network, picture, &moved)
            && again.lattice.extent(length).score > evidence
        {
            *look = again.located_at(look.located);
        }
    }
}

/// Distance of `other` below the middle of `path`, in capital heights of `path`.
fn distance(path: &LinePath, other: &LinePath) -> f32 {
    let (middle, along) = (path.at(path.length / 2.0), path.tangent(path.length / 2.0).unit());
    let direction = other.tangent(other.length / 2.0).unit();
    // The vector to the point of the other line that lies straight below the middle.
    let between = other.at(other.length / 2.0) - middle;
    let below = between - direction * (between.dot(along) / direction.dot(along));
    along.cross(below) / path.cap_at(path.length / 2.0)
}

fn look_all(network: &mut Strips, picture: &Pyramid, paths: &[LinePath]) -> Vec<Option<Look>> {
    paths.iter().map(|path| Look::at(network, picture, path)).collect()
}

fn total(looks: &[Option<Look>]) -> f32 {
    looks.iter().flatten().map(Look::evidence).filter(|evidence| *evidence > 0.0).sum()
}

/// The evidence of the surest look.
fn surest(looks: &[Option<Look>]) -> f32 {
    looks.iter().flatten().map(Look::evidence).fold(f32::NEG_INFINITY, f32::max)
}

/// Reads the lines of a group, of as many characters as their extents. Lines whose first look was
/// sure are read at once, and looked at again only if that reading is not certain. Where the check
/// digits then agree and a character is still doubtful, each line is looked at once more.
fn read_group(
    network: &mut Strips,
    picture: &Pyramid,
    group: &[Look],
    extents: &[Extent],
) -> Option<Candidate> {
    if group.iter().all(Look::is_settled) {
        let (paths, text_beyond) = counted(picture, group, extents);
        let candidate = read_paths(network, picture, &paths, extents, text_beyond);
        if candidate.as_ref().is_some_and(|candidate| candidate.ends_search(network)) {
            return candidate;
        }
    }
    let (paths, text_beyond) = settle(network, picture, group, extents)?;
    let candidate = read_paths(network, picture, &paths, extents, text_beyond)?;
    Some(candidate.looked_again(network, picture))
}

/// Reads lines along their paths, not looking at them again. Not inlined: copies would be downloaded.
#[inline(never)]
fn read_paths(
    network: &mut Strips,
    picture: &Pyramid,
    paths: &[LinePath],
    extents: &[Extent],
    text_beyond: bool,
) -> Option<Candidate> {
    let line = |path| Line::at(network, picture, path);
    let lines: Vec<Line> = paths.iter().map(line).collect::<Option<_>>()?;
    let evidence = extents.iter().map(|extent| extent.score).sum::<f32>() / extents.len() as f32;
    Candidate::new(lines, evidence, text_beyond)
}

/// The paths of a group, moved onto their ink, and whether text continues beyond an end.
fn counted(picture: &Pyramid, group: &[Look], extents: &[Extent]) -> (Vec<LinePath>, bool) {
    let mut paths: Vec<LinePath> =
        group.iter().zip(extents).map(|(look, extent)| look.counted(extent)).collect();
    measure_together(picture, &mut paths);
    let askew = are_askew(&paths);
    let beyond = group.iter().zip(extents).any(|(look, extent)| look.lattice.text_beyond(extent));
    (paths, askew || beyond)
}

/// Whether a line begins elsewhere than the one above it: it has a character too many at one end,
/// and lacks one at the other.
fn are_askew(paths: &[LinePath]) -> bool {
    paths.windows(2).any(|pair| leans_much(&pair[0], &pair[1]))
}

/// Reads a Swiss licence, if it is one: its first line is too short to be found, but stands as far
/// above the second as that above the third, and begins where they do.
fn read_swiss(network: &mut Strips, picture: &Pyramid, pair: &[Look]) -> Option<Candidate> {
    let [first, length, _] = SWISS_LENGTHS;
    let extents: Vec<Extent> =
        pair.iter().map(|look| look.extent(length)).collect::<Option<Vec<_>>>()?;
    let (paths, text_beyond) = settle(network, picture, pair, &extents)?;
    let [second, third] = &paths[..] else { return None };
    let above = second.beside(-distance(second, third)).recounted(0.0, 1.0, first as f32);
    let above = refine(picture, &above).unwrap_or(above);
    read_paths(network, picture, &[above, *second, *third], &extents, text_beyond)
}

/// The paths of a group, moved onto the characters of lines of the same length, and whether text
/// continues beyond an end. Not inlined: two copies would be downloaded.
#[inline(never)]
fn settle(
    network: &mut Strips,
    picture: &Pyramid,
    group: &[Look],
    extents: &[Extent],
) -> Option<(Vec<LinePath>, bool)> {
    let (mut paths, beyond) = counted(picture, group, extents);
    // The strip is straight now, so its lattice is more accurate.
    let length = extents.first()?.length;
    let seen = |look: Look| (look.lattice.extent(length), look);
    let again: Option<Vec<(Extent, Look)>> =
        paths.iter().map(|path| Look::once(network, picture, path).map(seen)).collect();
    let text_beyond = match again {
        None => beyond,
        Some(again) => {
            let (mut aligned, looks): (Vec<Extent>, Vec<Look>) = again.into_iter().unzip();
            align(looks.iter(), &mut aligned);
            let again: Vec<(Extent, Look)> = aligned.into_iter().zip(looks).collect();
            for ((path, (found, look)), extent) in paths.iter_mut().zip(&again).zip(extents) {
                if found.score > extent.score {
                    *path = look.counted(found);
                }
            }
            measure_together(picture, &mut paths);
            let beyond = again.iter().any(|(found, look)| look.lattice.text_beyond(found));
            beyond || are_askew(&paths)
        }
    };
    Some((paths, text_beyond))
}

/// Moves the lines of a zone onto their ink and gives them a common height and lean.
fn measure_together(picture: &Pyramid, paths: &mut [LinePath]) {
    for path in &mut *paths {
        if let Some(refined) = refine(picture, path) {
            *path = refined;
        }
    }
    level_heights(paths, |path, factor| LinePath { cap: path.cap * factor, ..*path });
    lean(paths);
}

/// Sets how far the characters lean. Lines of a zone share their columns, so the direction from a
/// character to the one below it is the direction of the uprights.
fn lean(paths: &mut [LinePath]) {
    let [first, .., last] = paths else { return };
    let slant = |u: f32| {
        let (along, between) = (first.tangent(u).unit(), last.at(u) - first.at(u));
        -between.dot(along) / between.dot(along.down())
    };
    let (start, end) = (slant(0.0), slant(first.length));
    // Lines miscounted by one character would appear to lean by about 0.4: ignore leans that large.
    if ((start + end) / 2.0).abs() < 0.35 && (start - end).abs() < 0.8 {
        for path in paths {
            path.slant = start;
            path.slant_slope = (end - start) / path.t(path.length);
        }
    }
}
