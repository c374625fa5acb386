#include "authsvc/dialects/conversion.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/dialects/clipped.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr size_t kMaxProblems = 200;  // a hostile document must not make an endless answer

void Note(std::vector<Problem>* list, absl::string_view path, const Node* at,
          absl::string_view message) {
  if (list->size() == kMaxProblems) list->push_back({"", 0, "further problems are not listed"});
  if (list->size() > kMaxProblems) return;
  list->push_back({Clipped(path), at == nullptr ? 0 : at->line, Clipped(message)});
}

}  // namespace

std::string Problem::ToString() const {
  std::string where = path;
  if (line > 0) absl::StrAppend(&where, where.empty() ? "" : " ", "(line ", line, ")");
  return where.empty() ? message : absl::StrCat(where, ": ", message);
}

absl::Status Conversion::status() const {
  if (ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(
      errors, "; ",
      [](std::string* out, const Problem& problem) { out->append(problem.ToString()); }));
}

void Conversion::Warn(absl::string_view path, const Node* at, absl::string_view message) {
  Note(&warnings, path, at, message);
}

void Conversion::Refuse(absl::string_view path, const Node* at, absl::string_view message) {
  Note(&errors, path, at, message);
}

}  // namespace sallyport::authsvc::dialects
