#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/clipped.h"
#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/kube_documents.h"
#include "authsvc/dialects/native.h"
#include "authsvc/dialects/stored.h"
#include "authsvc/dialects/suggest.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_operator.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr Dialect kDialects[] = {
    {kStored, "kind: Stored, what an export holds", IsStored, ConvertStored},
    {kNative, "apiVersion: sallyport/v1", IsNative, ConvertNative},
    {kKubernetes, "Secret and ConfigMap of Kubernetes", IsKubernetes, ConvertKubernetes},
    {kTykOperator, "ApiDefinition, TykOasApiDefinition and SecurityPolicy of Tyk Operator",
     IsTykOperator, ConvertTykOperator},
    {kApk, "API, its routes, Backend, Scope, policies, Authentication and TokenIssuer of WSO2 APK",
     apk::IsResource, apk::ConvertResource},
    {kApkConf, "apk-conf of WSO2 APK", apk::IsConf, apk::ConvertConf},
    {kTykClassic, "Tyk Classic API definition", IsTykClassic, ConvertTykClassic},
    {kTykOas, "Tyk OAS API definition (x-tyk-api-gateway)", IsTykOas, ConvertTykOas},
    {kTykKey, "Tyk session (key)", IsTykSession, ConvertTykSession},
    {kTykPolicy, "Tyk policy", IsTykPolicy, ConvertTykPolicy},
    {kTykGateway, "Tyk gateway configuration (tyk.conf)", IsTykGateway, ConvertTykGateway},
};

// A document of the first always looks like one of the second: sessions have the rights of a
// policy, and OpenAPI has a `security` as tyk.conf has.
bool GoesBefore(absl::string_view first, absl::string_view second) {
  return (first == kTykKey && second == kTykPolicy) || (first == kTykOas && second == kTykGateway);
}

// Documents of systems that later versions will take: named, so that nobody wonders.
std::string KnownElsewhere(const Node& document) {
  const absl::string_view version = document.Text("apiVersion");
  const absl::string_view kind = document.Text("kind");
  if (document.Find("api_definition") != nullptr) {
    return "this is an export of the Tyk Dashboard: apply what stands in its api_definition";
  }
  if (!version.empty() || !kind.empty()) {
    constexpr size_t kMost = 100;
    const bool graphql = kind == "GQLRoute" && absl::StartsWith(version, "dp.wso2.com/");
    return absl::StrCat("documents of kind \"", Clipped(kind, kMost), "\" (apiVersion \"",
                        Clipped(version, kMost), "\") are not taken",
                        graphql ? ": write an apk-conf of type GRAPHQL" : "");
  }
  return "";
}

}  // namespace

absl::Span<const Dialect> Dialects() { return kDialects; }

const Dialect* FindDialect(absl::string_view name) {
  for (const Dialect& dialect : kDialects) {
    if (dialect.name == name) return &dialect;
  }
  return nullptr;
}

const Dialect* RecogniseDialect(const Node& document, std::string* why) {
  if (!document.IsObject()) {
    *why = "a document must be an object";
    return nullptr;
  }
  *why = KnownElsewhere(document);
  const bool by_kind = IsNative(document) || IsKubernetes(document) || IsTykOperator(document) ||
                       apk::IsResource(document);
  if (!why->empty() && !by_kind) return nullptr;
  if (IsStored(document)) {
    *why =
        "a line of an export means what the store holds, unseen: apply the whole file, or say "
        "--as stored";
    return nullptr;
  }
  const Dialect* found = nullptr;
  for (const Dialect& dialect : kDialects) {
    if (!dialect.recognises(document)) continue;
    if (found == nullptr) {
      found = &dialect;
    } else if (!GoesBefore(found->name, dialect.name)) {
      *why = absl::StrCat("ambiguous: it may be ", found->name, " (", found->summary, ") or ",
                          dialect.name, " (", dialect.summary, "): say which with --as");
      return nullptr;
    }
  }
  if (found != nullptr) return found;
  *why =
      "not recognised: neither apiVersion: sallyport/v1, nor an apk-conf (name, basePath, type, "
      "operations), a Tyk Classic API definition (proxy), "
      "Tyk OAS API definition (x-tyk-api-gateway), "
      "session (access_rights with certificate or apply_policies), policy or tyk.conf; say which "
      "with --as (objects of APISIX are written by its Admin API, or by `sallyctl import apisix`)";
  return nullptr;
}

}  // namespace sallyport::authsvc::dialects
