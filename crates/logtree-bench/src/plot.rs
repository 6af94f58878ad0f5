//! The ratios as bars, in SVG.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What logtree takes of what a contestant takes.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What the bars of one case have above them.
    pub(crate) title: String,
    pub(crate) label: String,
    pub(crate) ratio: f64,
    /// At most so much.
    pub(crate) target: Option<f64>,
}

const WIDTH: u32 = 960;
const LABELS_WIDTH: u32 = 380;
const ROW_HEIGHT: usize = 20;
/// For the caption, the axis and its description.
const AROUND: usize = 110;

const KEEPS: RGBColor = RGBColor(46, 125, 50);
const MISSES: RGBColor = RGBColor(198, 40, 40);
const NO_TARGET: RGBColor = RGBColor(144, 164, 174);

/// Draws them on a logarithmic scale, each from 1 on: to the left where logtree takes less. A black mark is a target; the
/// bar is red if it is missed.
///
/// # Errors
/// If the library cannot draw.
pub(crate) fn svg(bars: &[Bar]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    // A ratio that could not be measured has no bar.
    let bars: Vec<&Bar> = bars.iter().filter(|bar| bar.ratio.is_finite() && bar.ratio > 0.0).collect();
    let titles = bars.chunk_by(|one, next| one.title == next.title).count();
    let rows = bars.len() + titles;
    let ends = || bars.iter().flat_map(|bar| [Some(bar.ratio), bar.target]).flatten();
    // Whole decades, with 1 among them.
    let lowest = 10_f64.powf(ends().fold(0.1, f64::min).log10().floor());
    let highest = 10_f64.powf(ends().fold(10.0, f64::max).log10().ceil());
    {
        let size = (WIDTH, (rows * ROW_HEIGHT + AROUND) as u32);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption("logtree's time divided by the contestant's", ("sans-serif", 22))
            .margin(12)
            .set_label_area_size(LabelAreaPosition::Left, LABELS_WIDTH)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d((lowest..highest).log_scale(), 0.0..rows as f64)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_y_mesh().disable_y_axis().x_labels(5).x_desc("less than 1: logtree is faster; a mark: the target");
        mesh.draw()?;

        let style = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
        let to_the_left = Pos::new(HPos::Right, VPos::Center);
        let mut middle = rows as f64;
        let mut title = "";
        for bar in bars {
            if bar.title != title {
                title = &bar.title;
                middle -= 1.0;
                let (_, y) = chart.backend_coord(&(1.0, middle + 0.4));
                root.draw(&Text::new(title.to_owned(), (12, y), style(16)))?;
            }
            middle -= 1.0;
            let (x, y) = chart.backend_coord(&(lowest, middle + 0.5));
            let label = format!("{}  ×{:.2}", bar.label, bar.ratio);
            root.draw(&Text::new(label, (x - 8, y), style(15).pos(to_the_left)))?;
            let colour = match bar.target {
                Some(target) if bar.ratio > target => MISSES,
                Some(_) => KEEPS,
                None => NO_TARGET,
            };
            let ends = [(bar.ratio.min(1.0), middle + 0.2), (bar.ratio.max(1.0), middle + 0.8)];
            chart.draw_series([Rectangle::new(ends, colour.filled())])?;
            if let Some(target) = bar.target {
                let mark = vec![(target, middle + 0.05), (target, middle + 0.95)];
                chart.draw_series([PathElement::new(mark, BLACK.stroke_width(3))])?;
            }
        }
        root.present()?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(ratio: f64, target: Option<f64>) -> Bar {
        Bar { title: "a case".to_owned(), label: "Mutex<File>".to_owned(), ratio, target }
    }

    /// The widths of the rectangles of a colour.
    fn widths(svg: &str, colour: RGBColor) -> Vec<f64> {
        let fill = format!("fill=\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
        let bars = svg.lines().filter(|line| line.starts_with("<rect") && line.contains(&fill));
        let width = |line: &str| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok();
        bars.filter_map(width).collect()
    }

    #[test]
    fn a_tenth_of_a_tenth_is_twice_as_long() -> Result<(), Box<dyn Error>> {
        let svg = svg(&[bar(0.1, Some(0.5)), bar(0.01, Some(0.5)), bar(10.0, Some(0.5)), bar(0.1, None)])?;
        let kept = widths(&svg, KEEPS);
        assert_eq!(kept.len(), 2, "{svg}");
        assert!((kept[1] - 2.0 * kept[0]).abs() <= 2.0, "{kept:?}");
        assert_eq!((widths(&svg, MISSES).len(), widths(&svg, NO_TARGET).len()), (1, 1));
        assert!(svg.contains("Mutex&lt;File&gt;"), "{svg}");
        Ok(())
    }

    #[test]
    fn what_could_not_be_measured_has_no_bar() -> Result<(), Box<dyn Error>> {
        let svg = svg(&[bar(f64::NAN, None), bar(0.5, None)])?;
        assert_eq!(widths(&svg, NO_TARGET).len(), 1);
        Ok(())
    }
}
