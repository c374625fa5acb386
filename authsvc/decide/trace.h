// What a decision did, step by step, for Explain. Never holds a secret: certificates are named by
// fingerprint and subject, tokens not at all. Owned by one call; not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

struct TraceStep {
  std::string stage;  // "verify" | "identify" | "decide"
  std::string text;   // one sentence for an operator, numbered by its position
  bool passed = true;
};

struct Trace {
  std::vector<TraceStep> steps;

  void Pass(absl::string_view stage, std::string text) { Add(stage, std::move(text), true); }
  void Fail(absl::string_view stage, std::string text) { Add(stage, std::move(text), false); }
  void Add(absl::string_view stage, std::string text, bool passed) {
    steps.push_back({std::string(stage), std::move(text), passed});
  }
};

}  // namespace sallyport::authsvc
