//! Reading a zone: look at its lines, complete and straighten them, then read them under each format
//! that fits.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::candidate::{Candidate, Line};
use crate::decode::Window;
use crate::locate::{Zone, level_heights};
use crate::look::{LEAST_EVIDENCE, Look};
use crate::measure::{neighbour, refine};
use crate::numeric::sort_by;
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use nibble_core::Network;

/// With less evidence a line is looked at from the other end as well.
const UPRIGHT_EVIDENCE: f32 = 3.0;
/// Groups of lines of a zone that are read.
const MOST_GROUPS: usize = 2;
/// Least log probability a character of a candidate that is reported.
const LEAST_SCORE: f32 = -1.6;

/// The readings of a zone: usually one, none where no line of it is one of a machine-readable zone.
pub(super) fn read_zone(network: &mut Network, picture: &Pyramid, zone: &Zone) -> Vec<Candidate> {
    let mut paths = zone.lines.clone();
    let looks = look_all(network, picture, &paths);
    let upright = total(&looks);
    let looks = if upright < UPRIGHT_EVIDENCE * looks.len() as f32 {
        // Nothing to read this way up: the zone may stand on its head.
        paths.reverse();
        let turned: Vec<LinePath> = paths.iter().map(LinePath::reversed).collect();
        let other = look_all(network, picture, &turned);
        if total(&other) > upright { other } else { looks }
    } else {
        looks
    };
    let mut looks: Vec<Look> =
        looks.into_iter().flatten().filter(|look| look.evidence() > LEAST_EVIDENCE).collect();
    complete(network, picture, &mut looks);
    straighten(network, picture, &mut looks);
    let mut found = Vec::new();
    for (count, length) in [(2, 44), (2, 36), (3, 30)] {
        for group in looks.windows(count) {
            let windows: Option<Vec<Window>> = group.iter().map(|look| look.window(length)).collect();
            if let Some(windows) = windows {
                found.push((
                    windows.iter().map(|window| window.score).sum::<f32>() / count as f32,
                    group,
                    windows,
                ));
            }
        }
    }
    sort_by(&mut found, |a, b| b.0.total_cmp(&a.0));
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, group, windows) in found.iter().take(MOST_GROUPS) {
        let read = read_group(network, picture, group, windows);
        candidates.extend(read.filter(|candidate| candidate.score() > LEAST_SCORE));
        if candidates.iter().any(Candidate::is_certain) {
            break;
        }
    }
    candidates
}

/// Adds the lines that the locator missed: above, below and between those that were found, until the format has all of its own.
fn complete(network: &mut Network, picture: &Pyramid, looks: &mut Vec<Look>) {
    let Some(surest) = looks.iter().max_by(|a, b| a.evidence().total_cmp(&b.evidence())) else { return };
    let length = surest.length();
    let wanted = if length == 30 { 3 } else { 2 };
    let mut tried = 0;
    while looks.iter().filter(|look| look.window(length).is_some()).count() < wanted && tried < looks.len() {
        let look = &looks[tried];
        tried += 1;
        let Some(path) = look.window(length).map(|window| look.counted(&window)) else { continue };
        for below in [true, false] {
            let known: Vec<f32> = looks.iter().map(|look| distance(&path, &look.path)).collect();
            let Some(next) = neighbour(picture, &path, below, &known) else { continue };
            if let Some(look) = Look::at(network, picture, &next)
                && look.evidence() > LEAST_EVIDENCE
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

/// Lines of a zone are parallel and stand in the same columns: each is looked at again along the course of the surest one, moved to where it was found. What was
/// located in part only, or foreshortened so much that its lattice was lost, comes right that way.
fn straighten(network: &mut Network, picture: &Pyramid, looks: &mut [Look]) {
    let Some(surest) = (0..looks.len()).max_by(|&a, &b| looks[a].evidence().total_cmp(&looks[b].evidence()))
    else {
        return;
    };
    let length = looks[surest].length();
    let Some(window) = looks[surest].window(length) else { return };
    let course = looks[surest].counted(&window);
    for (_, look) in looks.iter_mut().enumerate().filter(|&(index, _)| index != surest) {
        let moved = course.beside(distance(&course, &look.located));
        let moved = refine(picture, &moved).unwrap_or(moved);
        let evidence = look.lattice.window(length).score;
        if let Some(again) = Look::at(network, picture, &moved)
            && again.lattice.window(length).score > evidence
        {
            *look = again.located_at(look.located);
        }
    }
}

/// How far `other` lies below `path`, in capital heights of `path`, at its middle.
fn distance(path: &LinePath, other: &LinePath) -> f32 {
    let (middle, along) = (path.at(path.length / 2.0), path.tangent(path.length / 2.0).unit());
    let direction = other.tangent(other.length / 2.0).unit();
    // The point of the other line right below the middle.
    let between = other.at(other.length / 2.0) - middle;
    let below = between - direction * (between.dot(along) / direction.dot(along));
    along.cross(below) / path.cap_at(path.length / 2.0)
}

fn look_all(network: &mut Network, picture: &Pyramid, paths: &[LinePath]) -> Vec<Option<Look>> {
    paths.iter().map(|path| Look::at(network, picture, path)).collect()
}

fn total(looks: &[Option<Look>]) -> f32 {
    looks.iter().flatten().map(Look::evidence).filter(|evidence| *evidence > 0.0).sum()
}

fn read_group(
    network: &mut Network,
    picture: &Pyramid,
    group: &[Look],
    windows: &[Window],
) -> Option<Candidate> {
    let counted = |(look, window): (&Look, &Window)| look.counted(window);
    let mut paths: Vec<LinePath> = group.iter().zip(windows).map(counted).collect();
    measure_together(picture, &mut paths);
    // Upright now, the characters show better where they stand.
    let length = windows.first()?.length;
    let seen = |look: Look| (look.lattice.window(length), look);
    let again: Option<Vec<(Window, Look)>> =
        paths.iter().map(|path| Look::once(network, picture, path).map(seen)).collect();
    let goes_on = match again {
        None => group.iter().zip(windows).any(|(look, window)| look.lattice.goes_on(window)),
        Some(again) => {
            for ((path, (found, look)), window) in paths.iter_mut().zip(&again).zip(windows) {
                if found.score > window.score {
                    *path = look.counted(found);
                }
            }
            measure_together(picture, &mut paths);
            again.iter().any(|(found, look)| look.lattice.goes_on(found))
        }
    };
    let lines: Option<Vec<Line>> = paths.iter().map(|path| Line::at(network, picture, path)).collect();
    let evidence = windows.iter().map(|window| window.score).sum::<f32>() / windows.len() as f32;
    Candidate::new(lines?, evidence, goes_on)
}

/// Moves the lines of a zone onto their ink and gives them one height and one lean.
fn measure_together(picture: &Pyramid, paths: &mut [LinePath]) {
    for path in &mut *paths {
        if let Some(refined) = refine(picture, path) {
            *path = refined;
        }
    }
    level_heights(paths, |path, factor| LinePath { cap: path.cap * factor, ..*path });
    lean(paths);
}

/// Sets how far the characters lean from the columns that the lines of a zone share: a character stands right below another.
fn lean(paths: &mut [LinePath]) {
    let [first, .., last] = paths else { return };
    let slant = |u: f32| {
        let (along, between) = (first.tangent(u).unit(), last.at(u) - first.at(u));
        -between.dot(along) / between.dot(along.down())
    };
    let (start, end) = (slant(0.0), slant(first.length));
    // A column off by one character between two lines is a lean of about 0.4; more than this is a miscount.
    if ((start + end) / 2.0).abs() < 0.35 && (start - end).abs() < 0.8 {
        for path in paths {
            path.slant = start;
            path.slant_slope = (end - start) / path.t(path.length);
        }
    }
}
