// Conversions of text, and what they complained about. For the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::dialects {

inline ConvertOptions TestOptions() {
  ConvertOptions options;
  options.org_id = "org";
  options.now_unix = 1780272000;  // 2026-06-01
  return options;
}

inline Conversion ConvertText(Conversion (*convert)(const Node&, const ConvertOptions&),
                              absl::string_view text) {
  auto node = ReadDocuments(text);
  EXPECT_TRUE(node.ok()) << node.status();
  if (!node.ok() || node->empty()) return {};
  return convert(node->front(), TestOptions());
}

inline std::string Texts(const std::vector<Problem>& problems) {
  std::string all;
  for (const Problem& problem : problems) all += problem.ToString() + "\n";
  return all;
}

}  // namespace sallyport::authsvc::dialects
