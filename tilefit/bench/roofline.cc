#include "tilefit/bench/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tilefit/base/check.h"

namespace tilefit {
namespace {

constexpr double kWidth = 1120, kHeight = 720;
constexpr double kLeft = 78, kRight = 24, kTop = 78, kBottom = 60;  // margins of the plot
constexpr double kDot = 4.5, kText = 11.5, kLetter = 6.1;           // radius, height and mean width of a letter
constexpr const char* kColours[] = {"#2f81f7", "#d1730f", "#2da44e", "#a371f7"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= ' ' || c == '\n') out += c;
  }
  return out;
}

struct Box {
  double left, top, right, bottom;
  double overlap(const Box& o) const {
    const double w = std::min(right, o.right) - std::max(left, o.left),
                 h = std::min(bottom, o.bottom) - std::max(top, o.top);
    return w > 0 && h > 0 ? w * h : 0;
  }
};

/// One logarithmic axis: values 10^low .. 10^high to pixels begin .. end.
struct Axis {
  double low, high, begin, end;
  double at(double value) const { return begin + (std::log10(value) - low) / (high - low) * (end - begin); }
};

Axis make_axis(double least, double most, double begin, double end) {
  const double low = std::floor(std::log10(least) * 2) / 2, high = std::ceil(std::log10(most) * 4) / 4;
  return {low, std::max(high, low + 0.5), begin, end};
}

/// Draws into a text, and remembers what labels must not cover.
class Picture {
 public:
  explicit Picture(const Roofline& r) : r_(r) {
    double least_x = 0.1, most_x = 1000, least_y = 1, most_y = 1;
    for (const RooflinePeak& p : r.peaks) top_ = std::max(top_, p.gflops);
    most_y = top_;
    least_y = top_ / 20;
    for (const RooflineDot& d : r.dots) {
      TF_CHECK(d.intensity > 0 && d.gflops > 0, "dot '{}' at ({}, {})", d.label, d.intensity, d.gflops);
      least_x = std::min(least_x, d.intensity);
      most_x = std::max(most_x, d.intensity);
      least_y = std::min(least_y, d.gflops);
      most_y = std::max(most_y, d.gflops);
    }
    x_ = make_axis(least_x / 1.2, most_x * 1.5, kLeft, kWidth - kRight);
    y_ = make_axis(least_y / 1.2, most_y * 1.5, kHeight - kBottom, kTop);
  }

  std::string draw() {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
        "font-family=\"system-ui, sans-serif\" font-size=\"{2}\">\n<title>{3}</title>\n<style>\n"
        "text {{ fill: #57606a; }} .soft {{ fill: #6e7781; }} .grid {{ stroke: #8b949e; stroke-opacity: 0.22; }}\n"
        ".axis {{ stroke: #8b949e; }} .roof {{ stroke: #cf222e; stroke-width: 2; fill: none; }} .lead {{ stroke: #8b949e; "
        "}}\n"
        "@media (prefers-color-scheme: dark) {{ text {{ fill: #d1d7e0; }} .soft {{ fill: #9198a1; }} }}\n</style>\n",
        kWidth, kHeight, kText, escaped(r_.title));
    text(kLeft, 28, r_.title, "font-size=\"18\" font-weight=\"600\"");
    text(kLeft, 48, r_.subtitle, "class=\"soft\"");
    legend();
    grid();
    roofs();
    for (const RooflineDot& d : r_.dots) taken_.push_back(around(d));
    for (const RooflineDot& d : r_.dots) label(d);
    for (const RooflineDot& d : r_.dots)
      out_ +=
          fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"><title>{}</title></circle>\n",
                      x_.at(d.intensity), y_.at(d.gflops), kDot, colour(d), escaped(d.details));
    return out_ + "</svg>\n";
  }

 private:
  static const char* colour(const RooflineDot& d) { return kColours[static_cast<size_t>(d.colour) % std::size(kColours)]; }
  static double width_of(const std::string& s) { return kLetter * static_cast<double>(s.size()); }

  void text(double x, double y, const std::string& content, const std::string& attributes) {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes, escaped(content));
  }
  void line(double x1, double y1, double x2, double y2, const char* css) {
    out_ +=
        fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", css, x1, y1, x2, y2);
  }
  Box around(const RooflineDot& d) const {
    const double x = x_.at(d.intensity), y = y_.at(d.gflops), r = kDot + 1;
    return {x - r, y - r, x + r, y + r};
  }

  void legend() {
    double x = kLeft;
    for (size_t i = 0; i < r_.groups.size(); ++i) {
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"62\" r=\"{}\" fill=\"{}\"/>\n", x + kDot, kDot,
                          kColours[i % std::size(kColours)]);
      text(x + 14, 66, r_.groups[i], "class=\"soft\"");
      x += 32 + width_of(r_.groups[i]);
    }
  }

  void grid() {
    const auto ticks = [&](const Axis& axis, auto&& tick) {
      for (int decade = static_cast<int>(std::floor(axis.low)); decade <= static_cast<int>(axis.high); ++decade)
        for (const int digit : {1, 2, 5}) {
          const double value = digit * std::pow(10.0, decade);
          if (std::log10(value) >= axis.low - 1e-9 && std::log10(value) <= axis.high + 1e-9)
            tick(value, axis.at(value), digit == 1);
        }
    };
    const double bottom = y_.begin, right = x_.end;
    ticks(x_, [&](double value, double x, bool) {
      line(x, kTop, x, bottom, "grid");
      text(x, bottom + 17, fmt::format("{:g}", value), "class=\"soft\" text-anchor=\"middle\"");
    });
    ticks(y_, [&](double value, double y, bool) {
      line(kLeft, y, right, y, "grid");
      text(kLeft - 7, y + 4, fmt::format("{:g}", value), "class=\"soft\" text-anchor=\"end\"");
    });
    line(kLeft, bottom, right, bottom, "axis");
    line(kLeft, kTop, kLeft, bottom, "axis");
    text((kLeft + right) / 2, kHeight - 18, "arithmetic intensity: FLOPs per byte read or written at least once",
         "text-anchor=\"middle\"");
    text(0, 0, "GFLOP/s",
         fmt::format("transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"middle\"", (kTop + bottom) / 2));
  }

  /// A bandwidth: its line from the left or lower edge up to the peak, with its figure along it.
  void slope(double gb_s, const char* name) {
    constexpr double kPi = 3.14159265358979;
    if (!(gb_s > 0)) return;
    const double begin = std::max(std::pow(10, x_.low), std::pow(10, y_.low) / gb_s), end = top_ / gb_s;
    if (end <= begin) return;
    const double x1 = x_.at(begin), y1 = y_.at(begin * gb_s), x2 = x_.at(end), y2 = y_.at(top_);
    line(x1, y1, x2, y2, "roof");
    const double length = std::hypot(x2 - x1, y2 - y1), x = (x1 + x2) / 2, y = (y1 + y2) / 2;
    const std::string figure = fmt::format("{} {:.0f} GB/s", name, gb_s);
    text(0, -6, figure,
         fmt::format("class=\"soft\" text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) rotate({:.1f})\"", x, y,
                     std::atan2(y2 - y1, x2 - x1) * 180 / kPi));
    // Labels keep off the line and, in its middle, off the figure above it: chains of small boxes.
    const double right = (x2 - x1) / length, down = (y2 - y1) / length, half = width_of(figure) / 2;
    for (double t = -length / 2; t <= length / 2; t += 8) {
      const double cx = x + t * right, cy = y + t * down;
      taken_.push_back({cx - 5, cy - 5, cx + 5, cy + 5});
      if (std::abs(t) <= half)
        taken_.push_back({cx + 11 * down - 7, cy - 11 * right - 7, cx + 11 * down + 7, cy - 11 * right + 7});
    }
  }

  /// The peaks, and the bandwidths below them.
  void roofs() {
    slope(r_.memory_gb_s, "memory");
    slope(r_.l2_gb_s, "L2");
    const double widest = std::max(r_.memory_gb_s, r_.l2_gb_s), least_x = std::pow(10, x_.low);
    for (const RooflinePeak& peak : r_.peaks) {
      const double y = y_.at(peak.gflops), begin = widest > 0 ? std::max(least_x, peak.gflops / widest) : least_x;
      line(x_.at(begin), y, x_.end, y, "roof");
      const std::string figure = fmt::format("{} {:.0f} GFLOP/s", peak.label, peak.gflops);
      // Behind the slopes; dots crowd at the right end.
      const double left = x_.at(std::max(begin, r_.memory_gb_s > 0 ? peak.gflops / r_.memory_gb_s : 0)) + 12;
      text(left, y - 7, figure, "class=\"soft\"");
      taken_.push_back({left, y - 20, left + width_of(figure), y + 2});
      taken_.push_back({x_.at(begin), y - 2, x_.end, y + 2});
    }
  }

  /// Puts a dot's label at the nearest place, in growing distance, that covers least; far ones get a line to their dot.
  void label(const RooflineDot& d) {
    const double x = x_.at(d.intensity), y = y_.at(d.gflops), width = width_of(d.label), height = kText + 2;
    Box best = {};
    double best_cost = 1e30;
    bool best_right = true;
    for (int ring = 0; ring < 60 && best_cost > 0.5 * ring; ++ring)
      for (const int up : {-1, 1})
        for (const bool right : {true, false}) {
          const double dx = kDot + 4 + 1.2 * ring, dy = up * 4.0 * ring;
          const double left = right ? x + dx : x - dx - width;
          const Box box = {left, y + dy - height / 2, left + width, y + dy + height / 2};
          double cost = 0.5 * ring;
          for (const Box& t : taken_) cost += 10 * box.overlap(t);
          if (box.left < kLeft || box.right > x_.end || box.top < kTop || box.bottom > y_.begin) cost += 1e6;
          if (cost < best_cost) best_cost = cost, best = box, best_right = right;
        }
    taken_.push_back(best);
    const double middle = (best.top + best.bottom) / 2;
    if (std::abs(middle - y) > 6) line(x, y, best_right ? best.left - 2 : best.right + 2, middle, "lead");
    text(best.left, middle + 4, d.label, fmt::format("style=\"fill: {}\" textLength=\"{:.0f}\"", colour(d), width));
  }

  const Roofline& r_;
  double top_ = 1;  ///< the highest peak
  Axis x_{}, y_{};
  std::string out_;
  std::vector<Box> taken_;
};

}  // namespace

std::string roofline_svg(const Roofline& roofline) { return Picture(roofline).draw(); }

}  // namespace tilefit
