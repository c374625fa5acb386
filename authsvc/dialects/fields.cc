#include "authsvc/dialects/fields.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/suggest.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kSecurityFields[] = {"use_keyless",
                                                 "use_standard_auth",
                                                 "use_basic_auth",
                                                 "enable_jwt",
                                                 "use_oauth2",
                                                 "use_openid",
                                                 "use_mutual_tls_auth",
                                                 "client_certificates",
                                                 "upstream_certificates",
                                                 "upstream_certificates_disabled",
                                                 "client_certificate_refs",
                                                 "upstream_certificate_refs",
                                                 "pinned_public_keys_refs",
                                                 "certificate_secret_names",
                                                 "pinned_public_keys",
                                                 "certificate_pinning_disabled",
                                                 "certificates",
                                                 "auth",
                                                 "auth_configs",
                                                 "use_certificate",
                                                 "disable_header",
                                                 "auth_header_name",
                                                 "strip_auth_data",
                                                 "ssl_insecure_skip_verify",
                                                 "ssl_min_version",
                                                 "ssl_max_version",
                                                 "ssl_ciphers",
                                                 "ssl_force_common_name_check",
                                                 "global_rate_limit",
                                                 "disable_rate_limit",
                                                 "disable_quota",
                                                 "enable_ip_whitelisting",
                                                 "allowed_ips",
                                                 "enable_ip_blacklisting",
                                                 "blacklisted_ips",
                                                 "white_list",
                                                 "black_list",
                                                 "ignored",
                                                 "enable_signature_checking",
                                                 "custom_middleware",
                                                 "domain",
                                                 "active",
                                                 "internal",
                                                 "access_rights",
                                                 "allowed_urls",
                                                 "is_inactive",
                                                 "mtls_static_certificate_bindings",
                                                 "certificate",
                                                 "apply_policies",
                                                 "apply_policy_id",
                                                 "expires",
                                                 "quota_max",
                                                 "quota_renewal_rate",
                                                 "hmac_enabled",
                                                 "partitions",
                                                 "key_expires_in",
                                                 "org_id",
                                                 "listen_path",
                                                 "strict_prefix",
                                                 "use_extended_paths",
                                                 "extended_paths",
                                                 "not_versioned"};

}  // namespace

absl::Span<const absl::string_view> SecurityFieldNames() { return kSecurityFields; }

std::string JoinPath(absl::string_view path, absl::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
}

std::string ItemPath(absl::string_view path, size_t index) {
  return absl::StrCat(path, "[", index, "]");
}

bool AsText(const Node& node, std::string* text) {
  if (!node.IsString() && !(node.IsNumber() && !node.text.empty())) return false;
  *text = node.text;
  return true;
}

bool IsSet(const Node& node) {
  switch (node.type) {
    case Node::Type::kNull: return false;
    case Node::Type::kBool: return node.boolean;
    case Node::Type::kInteger: return node.integer != 0 && node.integer != -1;
    case Node::Type::kDouble: return node.number != 0 && node.number != -1;
    case Node::Type::kString: return !node.text.empty();
    case Node::Type::kArray:
      for (const Node& item : node.items) {
        if (IsSet(item)) return true;
      }
      return false;
    case Node::Type::kObject: break;
  }
  const Node* enabled = node.Find("enabled");
  if (enabled != nullptr && enabled->type == Node::Type::kBool && !enabled->boolean) return false;
  const Node* disabled = node.Find("disabled");
  if (disabled != nullptr && disabled->type == Node::Type::kBool && disabled->boolean) return false;
  for (const auto& [name, value] : node.members) {
    if (IsSet(value)) return true;
  }
  return false;
}

Fields::Fields(const Node* node, std::string path, Conversion* out)
    : node_(node), path_(std::move(path)), out_(out) {
  if (node_ == nullptr || node_->type == Node::Type::kNull) {
    node_ = nullptr;
  } else if (!node_->IsObject()) {
    out_->Refuse(path_, node_, absl::StrCat("must be an object, is ", TypeName(node_->type)));
    node_ = nullptr;
  }
}

const Node* Fields::Get(absl::string_view name) const {
  const Node* member = node_ == nullptr ? nullptr : node_->Find(name);
  return member == nullptr || member->type == Node::Type::kNull ? nullptr : member;
}

std::string Fields::PathOf(absl::string_view name) const { return JoinPath(path_, name); }

Fields Fields::Object(absl::string_view name) const { return {Get(name), PathOf(name), out_}; }

void Fields::Refuse(absl::string_view name, absl::string_view message) const {
  const Node* member = Get(name);
  out_->Refuse(PathOf(name), member == nullptr ? node_ : member, message);
}

void Fields::Warn(absl::string_view name, absl::string_view message) const {
  const Node* member = Get(name);
  out_->Warn(PathOf(name), member == nullptr ? node_ : member, message);
}

void Fields::WrongType(absl::string_view name, const Node& node, absl::string_view wanted) const {
  out_->Refuse(PathOf(name), &node,
               absl::StrCat("must be ", wanted, ", is ", TypeName(node.type),
                            node.IsString() && wanted == "true or false"
                                ? " (write true or false without quotes)"
                                : ""));
}

bool Fields::Flag(absl::string_view name, bool fallback) const {
  const Node* member = Get(name);
  if (member == nullptr) return fallback;
  if (member->type == Node::Type::kBool) return member->boolean;
  WrongType(name, *member, "true or false");
  return fallback;
}

std::string Fields::Text(absl::string_view name) const {
  const Node* member = Get(name);
  std::string text;
  if (member != nullptr && !AsText(*member, &text)) WrongType(name, *member, "a string");
  return text;
}

int64_t Fields::Integer(absl::string_view name, int64_t fallback) const {
  const Node* member = Get(name);
  if (member == nullptr) return fallback;
  if (member->type == Node::Type::kInteger) return member->integer;
  const bool whole = member->type == Node::Type::kDouble && std::abs(member->number) < 9e15 &&
                     std::floor(member->number) == member->number;
  if (whole) return static_cast<int64_t>(member->number);
  WrongType(name, *member, "a whole number");
  return fallback;
}

double Fields::Number(absl::string_view name, double fallback) const {
  const Node* member = Get(name);
  if (member == nullptr) return fallback;
  if (member->IsNumber() && std::isfinite(member->number)) return member->number;
  WrongType(name, *member, "a number");
  return fallback;
}

const std::vector<Node>& Fields::List(absl::string_view name) const {
  static const std::vector<Node> kNothing;
  const Node* member = Get(name);
  if (member == nullptr) return kNothing;
  if (member->IsArray()) return member->items;
  WrongType(name, *member, "a list");
  return kNothing;
}

std::vector<std::string> Fields::Texts(absl::string_view name) const {
  std::vector<std::string> texts;
  const std::vector<Node>& items = List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    std::string text;
    if (AsText(items[i], &text)) {
      texts.push_back(std::move(text));
    } else {
      out_->Refuse(ItemPath(PathOf(name), i), &items[i],
                   absl::StrCat("must be a string, is ", TypeName(items[i].type)));
    }
  }
  return texts;
}

void Fields::Check(const ObjectRules& rules) const {
  if (node_ == nullptr) return;
  for (const auto& [name, value] : node_->members) {
    const FieldRule* rule = nullptr;
    for (const FieldRule& candidate : rules.fields) {
      if (candidate.name == name) rule = &candidate;
    }
    if (rule == nullptr) {
      CheckUnknown(name, value, rules);
    } else if (rule->use == Use::kRefused && IsSet(value)) {
      out_->Refuse(PathOf(name), &value,
                   rule->why.empty() ? "this security feature does not exist here" : rule->why);
    } else if (rule->use == Use::kInert && IsSet(value)) {
      out_->Warn(PathOf(name), &value,
                 rule->why.empty() ? "is kept and has no effect here" : rule->why);
    }
  }
}

void Fields::CheckUnknown(const std::string& name, const Node& value,
                          const ObjectRules& rules) const {
  std::vector<absl::string_view> known;
  for (const FieldRule& rule : rules.fields) known.push_back(rule.name);
  if (rules.sensitive) {
    out_->Refuse(PathOf(name), &value, absl::StrCat("unknown field", DidYouMean(name, known)));
    return;
  }
  for (const absl::string_view security : SecurityFieldNames()) {
    if (!OneTypoAway(name, security)) continue;
    out_->Refuse(PathOf(name), &value,
                 name == security
                     ? absl::StrCat("\"", security, "\" has no meaning at this place")
                     : absl::StrCat("unknown field; did you mean \"", security, "\"?"));
    return;
  }
  out_->Warn(PathOf(name), &value,
             absl::StrCat("unknown field: kept, has no effect", DidYouMean(name, known)));
}

}  // namespace sallyport::authsvc::dialects
