#include "tilefit/bench/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace tilefit {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// The pictures' elements, in order; fails the test where a tag does not close or a character is not escaped. Enough of XML for what we write.
std::vector<std::string> xml_elements(const std::string& xml) {
  std::vector<std::string> open, elements;
  const std::regex tag(R"(<(/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<]*")*)\s*(/?)>)");
  size_t at = 0;
  for (auto it = std::sregex_iterator(xml.begin(), xml.end(), tag); it != std::sregex_iterator(); ++it) {
    const std::smatch& m = *it;
    const std::string between = xml.substr(at, static_cast<size_t>(m.position()) - at);
    EXPECT_EQ(between.find_first_of("<>"), std::string::npos) << between;
    EXPECT_FALSE(std::regex_search(between, std::regex("&(?!(amp|lt|gt|quot);)"))) << between;
    at = static_cast<size_t>(m.position() + m.length());
    if (m[1].length() > 0) {
      EXPECT_FALSE(open.empty());
      if (open.empty()) return elements;
      EXPECT_EQ(open.back(), m[2]);
      open.pop_back();
    } else {
      elements.push_back(m[2]);
      if (m[4].length() == 0) open.push_back(m[2]);
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(xml.substr(at), "\n");
  return elements;
}

int64_t count(const std::string& text, const std::string& what) {
  int64_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

Roofline example() {
  Roofline r;
  r.title = "A < B & \"C\"";
  r.subtitle = "2 cores";
  r.peaks = {{"float32 peak", 350}, {"bfloat16 peak", 700}};
  r.memory_gb_s = 28;
  r.l2_gb_s = 300;
  r.groups = {"matrix products", "rows"};
  for (int i = 0; i < 12; ++i) r.dots.push_back({"gemm " + std::to_string(i), "details & more", 180.0 + i, 300.0 + i, 0});
  r.dots.push_back({"dropout", "", 0.125, 3.2, 1});
  r.dots.push_back({"fast <one>", "", 2000, 500, 1});
  return r;
}

TEST(Roofline, IsWellFormedWithADotAndALabelForEveryRow) {
  const Roofline r = example();
  const std::string svg = roofline_svg(r);
  const std::vector<std::string> elements = xml_elements(svg);
  ASSERT_FALSE(elements.empty());
  EXPECT_EQ(elements.front(), "svg");
  EXPECT_EQ(count(svg, "class=\"dot\""), std::ssize(r.dots));
  for (size_t i = 0; i + 1 < r.dots.size(); ++i) EXPECT_THAT(svg, HasSubstr(">" + r.dots[i].label + "</text>"));
  EXPECT_THAT(svg, HasSubstr(">A &lt; B &amp; &quot;C&quot;</text>"));
  EXPECT_THAT(svg, HasSubstr("fast &lt;one&gt;"));
  EXPECT_THAT(svg, HasSubstr("memory 28 GB/s"));
  EXPECT_THAT(svg, HasSubstr("L2 300 GB/s"));
  EXPECT_THAT(svg, AllOf(HasSubstr("float32 peak 350 GFLOP/s"), HasSubstr("bfloat16 peak 700 GFLOP/s")));
}

TEST(Roofline, LabelsOfCrowdedDotsDoNotCoverEachOther) {
  const std::string svg = roofline_svg(example());
  // <text x=".." y=".." style="fill: ..." textLength="..">
  const std::regex label("<text x=\"([0-9.]+)\" y=\"([0-9.]+)\" style=\"[^\"]*\" textLength=\"([0-9]+)\"");
  struct Place {
    double x, y, width;
  };
  std::vector<Place> places;
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), label); it != std::sregex_iterator(); ++it)
    places.push_back({std::stod((*it)[1]), std::stod((*it)[2]), std::stod((*it)[3])});
  ASSERT_EQ(places.size(), 14u);
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Place &a = places[i], &b = places[j];
      EXPECT_TRUE(std::abs(a.y - b.y) >= 11 || a.x >= b.x + b.width || b.x >= a.x + a.width) << i << " covers " << j;
    }
}

TEST(Roofline, DrawsWithoutDotsAndWithoutBandwidths) {
  Roofline r;
  r.peaks = {{"peak", 100}};
  EXPECT_EQ(xml_elements(roofline_svg(r)).front(), "svg");
}

}  // namespace
}  // namespace tilefit
