// What a request's target is rewritten to, as an operator writes it: "/orders?id=$1",
// "https://other.example:8443/v2/$1". Its parts:
//   $0 ... $99                  what the rewrite's pattern captured ($0: all of it), as it came
//   {header:Name}               the request's header (the first of that name)
//   {meta:name}                 metadata of the caller's key
//   {trigger:name}, {trigger:name:1}   what the trigger's condition of that name captured: all of
//                               it, or a group
//   $$ {{ }}                    the signs themselves
// Whatever comes by headers, metadata and triggers is percent-encoded but for RFC 3986's unreserved
// characters: it cannot begin another segment, parameter or query. Captures are pieces of a path
// and query that were read and normalised already.
//
// The scheme, host and port are fixed text: a caller never chooses where its request goes.
// Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::header {

class RewriteTemplate {
 public:
  static constexpr size_t kMostBytes = 2048;
  enum class Source : uint8_t { kText, kCapture, kHeader, kMetadata, kTrigger };
  struct Part {
    Source source = Source::kText;
    std::string text;  // literal text, or the name of what stands here
    int group = 0;     // kCapture, kTrigger: 0 is the whole match
  };
  // The value of a part that is no text; empty: there is none.
  using Values = absl::FunctionRef<absl::string_view(const Part& part)>;

  // InvalidArgument with a text for whoever wrote it. A path without a leading '/' gets one.
  [[nodiscard]] static absl::StatusOr<RewriteTemplate> Parse(absl::string_view text);

  // "https://other.example:8443"; empty: only path and query are rewritten.
  [[nodiscard]] const std::string& server() const { return server_; }
  // Of path and query; begins with a text that begins with '/'.
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  // The highest group of the pattern that is used; below zero: none is.
  [[nodiscard]] int most_capture() const;

  [[nodiscard]] std::string Render(Values values) const;

 private:
  friend class RewriteReader;
  std::string server_;
  std::vector<Part> parts_;
};

}  // namespace sallyport::header
