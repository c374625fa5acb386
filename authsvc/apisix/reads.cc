// GET of one object and of lists with pages and filters (reference apisix.md A1.3).
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/apisix/resources.h"
#include "authsvc/change/writer.h"
#include "re2/re2.h"

namespace sallyport::authsvc::apisix {
namespace {

Json Item(const DialectObjectEntry& entry, Json document) {
  return {{"key", absl::StrCat("/", entry.object.id())},
          {"value", std::move(document)},
          {"createdIndex", entry.object.created_revision()},
          {"modifiedIndex", entry.revision}};
}

// The filters of a list; all of them must hold.
class Filter {
 public:
  explicit Filter(const admin_http::Request& request)
      : label_(std::string(request.Query("label").value_or(""))) {
    Compile(request.Query("name"), &name_);
    Compile(request.Query("uri"), &uri_);
  }
  [[nodiscard]] const std::string& error() const { return error_; }

  [[nodiscard]] bool Takes(const Json& document) const {
    if (!label_.empty()) {
      const Json* const labels = dialect::Get(document, "labels");
      if (labels == nullptr || !labels->is_object() || !labels->contains(label_)) return false;
    }
    if (name_ != nullptr && !RE2::PartialMatch(dialect::Text(document, "name"), *name_))
      return false;
    return uri_ == nullptr || AnyUri(document);
  }

 private:
  void Compile(std::optional<absl::string_view> text, std::unique_ptr<RE2>* out) {
    if (!text.has_value() || text->empty()) return;
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(1 << 20);
    *out = std::make_unique<RE2>(re2::StringPiece(text->data(), text->size()), options);
    if (!(*out)->ok()) error_ = absl::StrCat("a filter is no RE2 expression: ", (*out)->error());
  }
  [[nodiscard]] bool AnyUri(const Json& document) const {
    std::vector<std::string> uris;
    if (!dialect::Texts(document, "uris", &uris).ok()) return false;
    uris.push_back(dialect::Text(document, "uri"));
    return std::any_of(uris.begin(), uris.end(), [&](const std::string& uri) {
      return !uri.empty() && RE2::PartialMatch(uri, *uri_);
    });
  }

  const std::string label_;
  std::unique_ptr<RE2> name_, uri_;
  std::string error_;
};

// -1: a number that is none.
int64_t NumberOf(const admin_http::Request& request, absl::string_view name, int64_t otherwise) {
  const auto text = request.Query(name);
  if (!text.has_value()) return otherwise;
  int64_t number = 0;
  return absl::SimpleAtoi(*text, &number) ? number : -1;
}

Response List(const Call& call) {
  const Filter filter(call.request);
  if (!filter.error().empty()) return ErrorAnswer(400, filter.error());
  const bool paged =
      call.request.Query("page_size").has_value() || call.request.Query("page").has_value();
  const int64_t size = NumberOf(call.request, "page_size", 10);
  if (paged && (size < 10 || size > 500)) {
    Response response = ErrorAnswer(400, "");
    response.content_type = "text/plain";
    response.body = "page_size must be between 10 and 500";
    return response;
  }
  const SnapshotPtr snapshot = call.writer.snapshot();
  std::vector<std::pair<const DialectObjectEntry*, Json>> found;
  snapshot->ForEachDialectObject(dialect::kOrg, dialect::StoredId(call.collection.name, ""),
                                 [&](const DialectObjectEntry& entry) {
                                   Json document = Json::parse(entry.object.json(), nullptr, false);
                                   if (filter.Takes(document))
                                     found.emplace_back(&entry, std::move(document));
                                   return true;
                                 });
  // Of one revision there may be several: ids as well.
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    const v1::DialectObject &x = a.first->object, &y = b.first->object;
    return std::forward_as_tuple(x.created_revision(), x.id()) <
           std::forward_as_tuple(y.created_revision(), y.id());
  });
  const auto total = static_cast<int64_t>(found.size());
  const int64_t page = std::max<int64_t>(1, NumberOf(call.request, "page", 1));
  const int64_t first =
      paged ? std::min(total, (page - 1) > total / size ? total : (page - 1) * size) : 0;
  const int64_t last = paged ? std::min(total, first + size) : total;
  Json list = Json::array();
  for (int64_t i = first; i < last; ++i)
    list.push_back(Item(*found[i].first, std::move(found[i].second)));
  return JsonAnswer(200, {{"list", std::move(list)}, {"total", total}});
}

}  // namespace

Response HandleRead(const Call& call) {
  if (call.id.empty()) return List(call);
  if (!call.sub_path.empty()) return ErrorAnswer(404, "not found");
  const SnapshotPtr snapshot = call.writer.snapshot();
  const auto* const entry =
      snapshot->FindDialectObject(dialect::StoredId(call.collection.name, call.id));
  if (entry == nullptr) return NotFound();
  return JsonAnswer(200, Item(*entry, Json::parse(entry->object.json(), nullptr, false)));
}

}  // namespace sallyport::authsvc::apisix
