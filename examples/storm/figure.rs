//! A figure of one scenario: what the service is asked for, and what its clients get, second by second.

use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, DrawingArea, EmptyElement, IntoDrawingArea, IntoFont, LineSeries, PathElement, Polygon, Rectangle,
    SVGBackend,
};
use plotters::style::{BLACK, Color, RGBColor, ShapeStyle, TextStyle, WHITE};

use crate::Result;
use crate::fleet::{Shape, grouped};
use crate::policies::Peer;
use crate::runs::Played;
use crate::scenario::{PER_SECOND, Scenario, Traffic};
use crate::summary::{LEAD, Second};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the load above and the success below, of busy clients on the left and of quiet ones on the right.
pub(crate) fn draw(played: &Played<'_>, path: &Path) -> Result {
    let shapes = columns(&played.shapes());
    let root = SVGBackend::new(path, (600 * u32::try_from(shapes.len())? + 200, 800)).into_drawing_area();
    root.fill(&WHITE)?;
    let (panels, side) = root.split_horizontally(600 * i32::try_from(shapes.len())?);
    let (head, panels) = panels.split_vertically(40);
    head.draw_text(played.scenario.title, &text(21), (16, 12))?;
    legend(&side)?;
    let most = most(played, &shapes);
    for (column, shape) in panels.split_evenly((1, shapes.len())).iter().zip(shapes) {
        let (above, below) = column.split_vertically(380);
        let caption = format!("{}: requests per second{}", clients(played, shape), cut(played, shape, most));
        let mut chart = panel(&above, played.scenario, most, &caption)?;
        line_of_capacity(&mut chart, played.scenario, shape)?;
        lines(&mut chart, played, shape, |seconds| loads(seconds, most))?;
        let what = match played.scenario.traffic {
            Traffic::Steady { .. } => "of the calls that start in each second, how many succeed, %",
            Traffic::Once => "of the calls, how many have succeeded by then, %",
        };
        let successes = |seconds: &[Second]| match played.scenario.traffic {
            Traffic::Steady { .. } => successes(seconds),
            Traffic::Once => successes_so_far(seconds),
        };
        lines(&mut panel(&below, played.scenario, 102.0, what)?, played, shape, successes)?;
    }
    root.present()?;
    Ok(())
}

/// Returns one shape of busy clients and that of the quietest, as far as there are two.
fn columns(shapes: &[Shape]) -> Vec<Shape> {
    let busy = shapes.get(1).or(shapes.first());
    let quiet = shapes.last().filter(|quiet| Some(*quiet) != busy);
    busy.into_iter().chain(quiet).copied().collect()
}

/// Returns up to which load is shown: all, but no more than a few times the capacity.
fn most(played: &Played<'_>, shapes: &[Shape]) -> f64 {
    let peak = shapes.iter().map(|shape| peak(played, *shape)).fold(0.0, f64::max);
    let capacity = shapes.iter().map(|shape| played.scenario.capacity_for(shape.clients)).max().map_or(0.0, f64::from);
    (peak * 1.05).clamp(capacity * 1.1, capacity * 5.0)
}

fn peak(played: &Played<'_>, shape: Shape) -> f64 {
    let runs = played.runs.iter().filter(|run| run.shape == shape);
    let seconds = runs.flat_map(|run| &run.summary.seconds);
    seconds.map(|second| second.requests).max().map_or(0.0, f64::from)
}

fn cut(played: &Played<'_>, shape: Shape, most: f64) -> String {
    if peak(played, shape) > most { format!(" (up to {most:.0} of them)") } else { String::new() }
}

fn clients(played: &Played<'_>, Shape { clients }: Shape) -> String {
    match played.scenario.traffic {
        Traffic::Steady { .. } => {
            format!("{} clients × {} calls/s", grouped(clients), f64::from(PER_SECOND) / f64::from(clients))
        }
        Traffic::Once => format!("{} clients × 1 call", grouped(clients)),
    }
}

/// A second and a number.
type Point = (f64, f64);

/// Load beyond the most that is shown is cut off.
fn loads(seconds: &[Second], most: f64) -> Vec<Point> {
    middles().zip(seconds).map(|(middle, second)| (middle, f64::from(second.requests).min(most))).collect()
}

fn successes(seconds: &[Second]) -> Vec<Point> {
    let started = middles().zip(seconds).filter(|(_, second)| second.calls > 0);
    started.map(|(middle, second)| (middle, percent(second.succeeded, second.calls))).collect()
}

fn successes_so_far(seconds: &[Second]) -> Vec<Point> {
    let calls = seconds.iter().map(|second| second.calls).sum();
    let sums = seconds.iter().scan(0, |sum, second| {
        *sum += second.ended_well;
        Some(*sum)
    });
    middles().zip(sums).map(|(middle, sum)| (middle, percent(sum, calls))).collect()
}

fn middles() -> impl Iterator<Item = f64> {
    (0_u32..).map(|second| f64::from(second) + 0.5 - LEAD.as_secs_f64())
}

fn percent(part: u32, of: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(of.max(1))
}

fn panel<'a, 'b>(area: &'a Area<'b>, scenario: &Scenario, most: f64, caption: &str) -> Result<Chart<'a, 'b>> {
    let (trouble, lead) = (scenario.trouble.as_secs_f64(), LEAD.as_secs_f64());
    let end = trouble + scenario.aftermath.as_secs_f64();
    let mut chart = ChartBuilder::on(area)
        .caption(caption, text(16))
        .margin(10)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(-lead..end, 0.0..most)?;
    let shade = RGBColor(255, 243, 214).filled();
    chart.draw_series([Rectangle::new([(0.0, 0.0), (trouble, most)], shade)])?;
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .bold_line_style(BLACK.mix(0.12))
        .x_labels(10)
        .y_labels(8)
        .x_desc("seconds since the trouble began (shaded while it lasts)")
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|number| format!("{number:.0}"))
        .label_style(text(14))
        .axis_desc_style(text(14))
        .draw()?;
    Ok(chart)
}

fn line_of_capacity(chart: &mut Chart<'_, '_>, scenario: &Scenario, shape: Shape) -> Result {
    let (start, end) = (-LEAD.as_secs_f64(), (scenario.trouble + scenario.aftermath).as_secs_f64());
    let capacity = f64::from(scenario.capacity_for(shape.clients));
    chart.draw_series([PathElement::new([(start, capacity), (end, capacity)], BLACK.mix(0.45).stroke_width(2))])?;
    Ok(())
}

/// Draws a line for each policy, forbear's last. The marks of different policies are at different seconds, so that of lines
/// that coincide each is seen.
fn lines(
    chart: &mut Chart<'_, '_>,
    played: &Played<'_>,
    shape: Shape,
    points: impl Fn(&[Second]) -> Vec<Point>,
) -> Result {
    let peers = Peer::ALL.into_iter().filter(|peer| *peer != Peer::Forbear).chain([Peer::Forbear]);
    for (index, peer) in peers.enumerate() {
        let Some(summary) = played.of(peer, shape) else { continue };
        let points = points(&summary.seconds);
        chart.draw_series(LineSeries::new(points.iter().copied(), line(peer)))?;
        let marked = points.iter().skip(index).step_by(Peer::ALL.len());
        chart.draw_series(marked.map(|point| EmptyElement::at(*point) + mark(peer)))?;
    }
    Ok(())
}

fn legend(area: &Area<'_>) -> Result {
    for (index, peer) in (0_i32..).zip(Peer::ALL) {
        let y = 64 + 28 * index;
        area.draw(&PathElement::new([(8, y), (52, y)], line(peer)))?;
        area.draw(&(EmptyElement::at((30, y)) + mark(peer)))?;
        area.draw_text(peer.as_str(), &text(15), (60, y - 8))?;
    }
    let y = 64 + 28 * i32::try_from(Peer::ALL.len())?;
    area.draw(&PathElement::new([(8, y), (52, y)], BLACK.mix(0.45).stroke_width(2)))?;
    area.draw_text("capacity", &text(15), (60, y - 8))?;
    Ok(())
}

/// Returns what tells a line from the others.
#[cfg(test)]
pub(crate) fn look(peer: Peer) -> (RGBColor, Vec<(i32, i32)>) {
    (colour(peer), outline(peer))
}

/// Returns colours that the colour-blind can tell apart: those of Okabe and Ito.
fn colour(peer: Peer) -> RGBColor {
    match peer {
        Peer::NoRetries => BLACK,
        Peer::Forbear => RGBColor(0, 114, 178),
        Peer::ThreeAtOnce => RGBColor(204, 121, 167),
        Peer::ReqwestRetry => RGBColor(213, 94, 0),
        Peer::ReqwestOwn => RGBColor(230, 159, 0),
        Peer::Aws => RGBColor(0, 158, 115),
        Peer::Grpc => RGBColor(86, 180, 233),
    }
}

/// Returns the outline of a mark, in pixels.
fn outline(peer: Peer) -> Vec<(i32, i32)> {
    match peer {
        Peer::NoRetries => vec![(-4, -4), (4, -4), (4, 4), (-4, 4)],
        Peer::Forbear => vec![(-2, -5), (2, -5), (5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2), (-5, -2)],
        Peer::ThreeAtOnce => vec![(0, -6), (6, 5), (-6, 5)],
        Peer::ReqwestRetry => vec![(0, 6), (6, -5), (-6, -5)],
        Peer::ReqwestOwn => vec![(0, -6), (6, 0), (0, 6), (-6, 0)],
        Peer::Aws => {
            vec![
                (-2, -6),
                (2, -6),
                (2, -2),
                (6, -2),
                (6, 2),
                (2, 2),
                (2, 6),
                (-2, 6),
                (-2, 2),
                (-6, 2),
                (-6, -2),
                (-2, -2),
            ]
        }
        Peer::Grpc => {
            vec![
                (-5, -3),
                (-3, -5),
                (0, -2),
                (3, -5),
                (5, -3),
                (2, 0),
                (5, 3),
                (3, 5),
                (0, 2),
                (-3, 5),
                (-5, 3),
                (-2, 0),
            ]
        }
    }
}

fn mark(peer: Peer) -> Polygon<(i32, i32)> {
    Polygon::new(outline(peer), colour(peer))
}

fn line(peer: Peer) -> ShapeStyle {
    colour(peer).stroke_width(if peer == Peer::Forbear { 3 } else { 2 })
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}
