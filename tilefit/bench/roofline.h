// Draws the roofline (Williams, Waterman, Patterson 2009) of measured kernels as an SVG picture: speed over arithmetic intensity on
// logarithmic axes, the measured peak and bandwidths as roofs, one labelled dot per kernel.
#pragma once
#include <string>
#include <vector>

namespace tilefit {

struct RooflineDot {
  std::string label;     ///< beside the dot
  std::string details;   ///< shown by browsers when the pointer is on the dot
  double intensity = 0;  ///< FLOPs per byte, above 0
  double gflops = 0;     ///< above 0
  int colour = 0;        ///< group: 0 .. 3
};

/// A horizontal roof.
struct RooflinePeak {
  std::string label;
  double gflops = 0;
};

struct Roofline {
  std::string title, subtitle;
  std::vector<RooflinePeak> peaks;  ///< at least one
  double memory_gb_s = 0, l2_gb_s = 0;
  std::vector<std::string> groups;  ///< names of the colours, for the legend; at most 4
  std::vector<RooflineDot> dots;
};

/// A complete SVG document, readable on light and on dark ground. Labels avoid dots and each other as far as there is room.
std::string roofline_svg(const Roofline& roofline);

}  // namespace tilefit
