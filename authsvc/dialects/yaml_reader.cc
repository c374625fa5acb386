#include "authsvc/dialects/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <exception>
#include <map>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tree_builder.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kCoreTag = "tag:yaml.org,2002:";

// Ends the parser's work from inside an event; never leaves this file.
struct Stopped : std::exception {};

bool AllDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

bool IsNumberText(absl::string_view text) {
  size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  bool digits = false;
  const auto skip = [&] {
    while (at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) {
      ++at;
      digits = true;
    }
  };
  skip();
  if (at < text.size() && text[at] == '.') {
    ++at;
    skip();
  }
  if (!digits) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    digits = false;
    skip();
  }
  return digits && at == text.size();
}

bool Based(absl::string_view text, int64_t* value) {
  if (absl::StartsWith(text, "0x")) return absl::SimpleHexAtoi(text, value);
  if (!absl::StartsWith(text, "0o") || text.size() < 3 || text.size() > 22) return false;
  int64_t result = 0;
  for (char c : text.substr(2)) {
    if (c < '0' || c > '7') return false;
    result = result * 8 + (c - '0');
  }
  *value = result;
  return true;
}

// YAML 1.2.2 §10.3.2, the core schema.
void Resolve(Node* node) {
  const absl::string_view text = node->text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    node->type = Node::Type::kNull;
  } else if (text == "true" || text == "True" || text == "TRUE") {
    node->type = Node::Type::kBool;
    node->boolean = true;
  } else if (text == "false" || text == "False" || text == "FALSE") {
    node->type = Node::Type::kBool;
  } else if (Based(text, &node->integer)) {
    node->type = Node::Type::kInteger;
    node->number = static_cast<double>(node->integer);
  } else if (IsNumberText(text)) {
    const bool whole = AllDigits(text.substr(text[0] == '-' || text[0] == '+' ? 1 : 0)) &&
                       absl::SimpleAtoi(text, &node->integer);
    node->type = whole ? Node::Type::kInteger : Node::Type::kDouble;
    if (!absl::SimpleAtod(text, &node->number)) node->type = Node::Type::kString;
  }
  if (!node->IsNumber() && !node->IsString()) node->text.clear();
}

class YamlEvents : public YAML::EventHandler {
 public:
  explicit YamlEvents(TreeBuilder* builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override { anchors_.clear(); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_->WantsKey()) Stop(mark, "a name is missing");
    Scalar(mark, anchor, Node());
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (builder_->WantsKey()) return Name(mark, value);
    Node node;
    node.type = Node::Type::kString;
    node.text = value;
    const absl::string_view kind = tag;
    if (kind == "?" || kind.empty())
      Resolve(&node);
    else if (kind != "!" && kind != absl::StrCat(kCoreTag, "str"))
      ResolveTagged(mark, kind, &node);
    Scalar(mark, anchor, std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (builder_->WantsKey()) Stop(mark, "an alias cannot be a name");
    if (found == anchors_.end()) Stop(mark, "an alias to something that is not complete");
    Check(builder_->Add(found->second));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, Node::Type::kArray, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, Node::Type::kObject, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  static int Line(const YAML::Mark& mark) { return mark.line + 1; }

  [[noreturn]] void Stop(const YAML::Mark& mark, absl::string_view what) {
    builder_->Fail(Line(mark), what);
    throw Stopped();
  }
  static void Check(bool ok) {
    if (!ok) throw Stopped();
  }
  void Name(const YAML::Mark& mark, const std::string& value) {
    if (value == "<<") Stop(mark, "merge keys (<<) are not supported: write the fields out");
    Check(builder_->Key(value, Line(mark)));
  }
  void Scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    node.line = Line(mark);
    Remember(anchor, node);
    Check(builder_->Add(std::move(node)));
  }
  void ResolveTagged(const YAML::Mark& mark, absl::string_view tag, Node* node) {
    if (!absl::ConsumePrefix(&tag, kCoreTag)) Stop(mark, "unknown tag");
    if (tag != "int" && tag != "float" && tag != "bool" && tag != "null") Stop(mark, "unknown tag");
    Resolve(node);
  }
  void Open(const YAML::Mark& mark, Node::Type type, YAML::anchor_t anchor) {
    if (builder_->WantsKey()) Stop(mark, "a name must be plain text");
    open_anchors_.push_back(anchor);
    Check(builder_->Begin(type, Line(mark)));
  }
  void Close() {
    Remember(open_anchors_.back(), builder_->open());
    open_anchors_.pop_back();
    Check(builder_->End());
  }
  // A copy is kept, so it counts as well.
  void Remember(YAML::anchor_t anchor, const Node& node) {
    if (anchor == YAML::NullAnchor) return;
    Check(builder_->Charge(node));
    anchors_[anchor] = node;
  }

  TreeBuilder* builder_;
  std::vector<YAML::anchor_t> open_anchors_;
  std::map<YAML::anchor_t, Node> anchors_;
};

// What the library says, without what it quotes: that may be a secret, or of no character.
absl::string_view WithoutQuoted(absl::string_view message) {
  return absl::StripAsciiWhitespace(message.substr(0, message.find(':')));
}

absl::Status ReadAll(std::istream& text, TreeBuilder* builder, std::vector<Node>* documents) {
  try {
    YAML::Parser parser(text);
    for (;;) {
      YamlEvents events(builder);
      if (!parser.HandleNextDocument(events)) break;
      Node document = builder->Take();
      if (document.type != Node::Type::kNull) documents->push_back(std::move(document));
    }
  } catch (const Stopped&) {
    return absl::InvalidArgumentError(builder->error());
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.mark.line + 1, ": not valid YAML: ", WithoutQuoted(error.msg)));
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("not valid YAML");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Node>> ReadYaml(absl::string_view text, const ReadLimits& limits) {
  TreeBuilder builder(limits);
  std::istringstream stream{std::string(text)};
  std::vector<Node> documents;
  if (absl::Status status = ReadAll(stream, &builder, &documents); !status.ok()) return status;
  return documents;
}

}  // namespace sallyport::authsvc::dialects
