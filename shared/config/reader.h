// Binds a Node to a typed struct. A struct's reader function names every field once, with its
// bounds and one line of help; whatever the node has beyond those names is an error with "did you
// mean".
//
//   void Read(Reader& in, GrpcConfig* out) {
//     in.Text("address", &out->address, "address to listen on");
//     in.Port("port", &out->port, "port to listen on");
//   }
//
// All errors are collected, not only the first. The same function over an empty node lists every
// setting with its default: `--print-settings`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/config/node.h"

namespace sallyport::config {

struct Setting {
  std::string path;
  std::string value;  // in force
  std::string help;
};

class Reader {
 public:
  // `node` may be null (nothing set). `errors` and `settings` must outlive this; `settings` may be
  // null.
  Reader(const Node* node, std::string path, std::vector<std::string>* errors,
         std::vector<Setting>* settings);
  // Checks for unknown names.
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void Text(absl::string_view name, std::string* out, absl::string_view help);
  void OneOf(absl::string_view name, std::string* out, std::vector<absl::string_view> allowed,
             absl::string_view help);
  void Flag(absl::string_view name, bool* out, absl::string_view help);
  void Number(absl::string_view name, uint32_t* out, uint32_t least, uint32_t most,
              absl::string_view help);
  void Port(absl::string_view name, uint16_t* out, absl::string_view help);  // 0 = any free port
  // "500ms", "5s", "30m", "8h"; a bare number is refused, because nobody knows its unit.
  void Time(absl::string_view name, absl::Duration* out, absl::Duration least, absl::Duration most,
            absl::string_view help);
  // "65536", "64KiB", "1MiB", "2GiB".
  void Bytes(absl::string_view name, uint64_t* out, uint64_t least, uint64_t most,
             absl::string_view help);
  void Texts(absl::string_view name, std::vector<std::string>* out, absl::string_view help);
  void Object(absl::string_view name, const std::function<void(Reader&)>& read);
  // Calls `read` once per item of the node with a new element of `out`. Where settings are listed:
  // once per element that `out` has, or with one that is not kept, as item N, so that its settings
  // are listed too.
  template <typename Item>
  void Objects(absl::string_view name, std::vector<Item>* out,
               const std::function<void(Reader&, Item*)>& read, absl::string_view help) {
    if (settings_ != nullptr) return ListItems(name, out, read, help);
    EachItem(name, [&](Reader& item) { read(item, &out->emplace_back()); });
  }
  // A name that has a meaning elsewhere and none here: an error that says `why`. It is not listed.
  void Refused(absl::string_view name, absl::string_view why);

  // An error about `name` that the caller found.
  void Fail(absl::string_view name, absl::string_view message);

 private:
  template <typename Item>
  void ListItems(absl::string_view name, std::vector<Item>* in_force,
                 const std::function<void(Reader&, Item*)>& read, absl::string_view help) {
    Record(name, std::to_string(in_force->size()) + " items", help);
    for (size_t i = 0; i < in_force->size(); ++i) {
      Reader item(nullptr, PathOf(name) + "." + std::to_string(i), errors_, settings_);
      read(item, &(*in_force)[i]);
    }
    if (!in_force->empty()) return;
    Item sample;
    Reader item(nullptr, PathOf(name) + ".N", errors_, settings_);
    read(item, &sample);
  }
  void EachItem(absl::string_view name, const std::function<void(Reader&)>& read);
  const Node* Take(absl::string_view name);
  const Node* TakeScalar(absl::string_view name);
  void Record(absl::string_view name, std::string value, absl::string_view help);
  std::string PathOf(absl::string_view name) const;
  void CheckUnknown();

  const Node* node_;
  std::string path_;
  std::vector<std::string>* errors_;
  std::vector<Setting>* settings_;
  std::vector<std::string> known_;
  std::vector<std::string> refused_;
};

// The closest of `known` to `typed`, or empty when none is close.
[[nodiscard]] std::string DidYouMean(absl::string_view typed,
                                     const std::vector<std::string>& known);

}  // namespace sallyport::config
