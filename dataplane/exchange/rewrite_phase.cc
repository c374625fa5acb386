// Rewrite: what an endpoint makes of the request's path, query and server, once rights and path
// rules have looked at what the caller asked for.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/http/path.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr size_t kMostBytes = 64 * 1024;

// A caller's text must not lead out of the place that the operator gave it.
bool HasDotSegment(absl::string_view path) {
  std::string alone;
  for (const absl::string_view segment : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (!NormalizePath(absl::StrCat("/", segment), &alone) || alone == "/") return true;
  }
  return false;
}

bool HasServer(const RewriteRule& rule) {
  return rule.target.has_value() && rule.target->server.has_value();
}

}  // namespace

bool Exchange::Rewrite() {
  const RewriteRule* const rule = match_.changes.rewrite;
  if (rule == nullptr) return true;
  StripQueryCredentials();  // no template moves a credential to where it would be forwarded
  RewriteQuestion question;
  question.path = match_.path;
  question.query = match_.query;
  question.metadata = permit_->decision().identity.metadata;
  auto rewritten =
      RewriteTo(*rule, question,
                [this](absl::string_view name, absl::FunctionRef<bool(absl::string_view)> see) {
                  if (!MayBeUsed(name)) return;
                  for (const HeaderField& field : head_.fields) {
                    if (NameIs(field.name, name) && see(field.value)) return;
                  }
                });
  if (rewritten.has_value()) return TakeRewritten(*std::move(rewritten));
  if (match_.route->style != ErrorStyle::kApk || !HasServer(*rule)) return true;
  // What such an operation asks for is for its own server, never for that of others.
  Deny(Reason::kApiUnusable,
       "the operation's own server cannot be asked: its rewrite finds nothing");
  denial_->decision = permit_->shared();
  return false;
}

bool Exchange::MayBeUsed(absl::string_view name) const {
  bool credential = false;
  match_.route->EachTokenRules([&](const TokenRules& token) {
    credential = credential || (token.use_header && header::SameName(name, token.header_name)) ||
                 (token.use_cookie && header::SameName(name, "cookie"));
  });
  if (credential) return false;
  for (const std::string& own : match_.route->identity_names) {
    if (header::SameName(name, own)) return false;
  }
  if (services_.certificate_headers.Names(name)) return false;
  return behind_proxy_ || (!header::IsIdentityHeader(name) && !header::IsAddressHeader(name));
}

bool Exchange::TakeRewritten(Rewritten rewritten) {
  if (rewritten.path.size() + rewritten.query.size() > kMostBytes) {
    Deny(Reason::kTargetTooLong, "rewritten");
  } else if (HasDotSegment(rewritten.path) || !NormalizePath(rewritten.path, &match_.path)) {
    Deny(Reason::kBadRequest, "the rewritten path cannot be normalised");
  }
  if (denial_.has_value()) {
    denial_->decision = permit_->shared();
    return false;
  }
  rewritten_ = true;
  match_.query = std::move(rewritten.query);
  rewritten_server_ = rewritten.server;
  return true;
}

absl::string_view Exchange::Method() const {
  return match_.changes.method == nullptr ? head_.method
                                          : absl::string_view(*match_.changes.method);
}

}  // namespace sallyport::dataplane
