// One decision under way: the steps of Decide() in their order, and what they have found so far.
// Private to this folder; lives for one call, on one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "authsvc/decide/key_rights.h"
#include "authsvc/decide/key_sets.h"
#include "authsvc/decide/memo.h"
#include "authsvc/decide/operation.h"
#include "authsvc/decide/presented.h"
#include "authsvc/decide/refusal.h"
#include "authsvc/decide/static_check.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/jwt/token.h"

namespace sallyport::authsvc {

// A token that passed, and who signed it.
struct AcceptedJwt {
  bool bound = false;  // to a certificate; also of one that did not pass
  const v1::TokenIssuer* issuer = nullptr;
  jwt::Claims claims;
};

class Decider {
 public:
  Decider(const Snapshot& snapshot, const AuthorizeQuestion& question, absl::Time now,
          DecisionMemo* memo, Trace* trace, const DecisionBounds& bounds);

  [[nodiscard]] v1::Decision Run();

 private:
  using Step = std::optional<Refusal> (Decider::*)();

  // The steps. Each refuses or lets the next one go on.
  std::optional<Refusal> FindApi();
  std::optional<Refusal> CheckProfile();
  std::optional<Refusal> CheckTransport();
  std::optional<Refusal> ReadChain();
  std::optional<Refusal> CheckAllowlists();
  std::optional<Refusal> FindCaller();
  std::optional<Refusal> CheckKey();

  // How the caller may be found, in the order of DESIGN 6.
  std::optional<Refusal> FindByLeaf();
  std::optional<Refusal> FindByToken();
  // One mechanism that finds the caller: refuses, or notes that it passed or that there was nothing
  // to look at.
  std::optional<Refusal> TryToken();
  std::optional<Refusal> TryLogin();
  std::optional<Refusal> FindByLogin(const std::string& login);
  std::optional<Refusal> TryJwt(const v1::JwtAuth& jwt);
  std::optional<Refusal> CheckOpen();
  [[nodiscard]] bool MayPassOver() const;  // an optional token that is not valid
  std::optional<Refusal> FindByIssuer(const v1::TokenIssuer& issuer);
  [[nodiscard]] std::vector<const TokenIssuerEntry*> SignersOf(const v1::JwtAuth& jwt,
                                                               const jwt::Token& token);
  [[nodiscard]] base::Reason ToldAsApisix(base::Reason reason) const;
  [[nodiscard]] Refusal NoSigner(const jwt::Token& token) const;
  std::optional<Refusal> VerifyJwt(const v1::JwtAuth& jwt, const std::string& text,
                                   AcceptedJwt* accepted);
  std::optional<Refusal> VerifyByIssuer(const TokenIssuerEntry& entry, const jwt::Token& token,
                                        AcceptedJwt* accepted);
  std::optional<Refusal> VerifyBySecret(const v1::TokenIssuer& issuer, const jwt::Token& token,
                                        AcceptedJwt* accepted);
  std::optional<Refusal> CheckJwtClaims(const v1::JwtAuth& jwt, const AcceptedJwt& accepted);
  void TakeJwt(const v1::JwtAuth& jwt, const AcceptedJwt& accepted);
  void TakeJwtRights(const v1::JwtAuth& jwt, const AcceptedJwt& accepted,
                     const std::string& identity);
  std::optional<Refusal> CheckBindings();
  std::optional<Refusal> CheckLeaf();  // dates, usage, key, deny list
  [[nodiscard]] const v1::Credential* ChooseToken() const;
  [[nodiscard]] bool IsBound() const;

  [[nodiscard]] const v1::Api& api() const { return api_->api; }
  [[nodiscard]] const v1::ClientTls& client_tls() const { return api_->api.client_tls(); }
  [[nodiscard]] bool AsksForCertificate() const;

  void Refuse(const Refusal& refusal);
  void Allow();
  void SetIdentity();
  void SetTime(bool allowed);
  void AddTag(absl::string_view kind, absl::string_view id);
  void TagPending(const Allowlist& list);
  // A trace costs only where there is one: `text` is called then.
  template <typename Text>
  void Pass(absl::string_view stage, const Text& text) const {
    if (trace_ != nullptr) trace_->Pass(stage, text());
  }

  const Snapshot& snapshot_;
  const AuthorizeQuestion& question_;
  const v1::AuthorizeRequest& request_;
  const absl::Time now_;
  DecisionMemo* const memo_;
  Trace* const trace_;
  const DecisionBounds& bounds_;

  const ApiEntry* api_ = nullptr;
  bool ignored_ = false;  // exempt path
  bool open_ = false;     // an operation that asks for no token
  Operation operation_;   // only for role `decision`
  Presented presented_;
  RevocationListPtr revocation_;
  bool certificate_accepted_ = false;
  std::vector<crypto::CertificatePtr> issuers_;  // of the accepted leaf, by the verified path
  const KeyEntry* key_ = nullptr;
  std::optional<KeyEntry> jwt_key_;  // the rights that a signed token brings, as a key's
  std::string jwt_identity_;
  std::vector<std::pair<std::string, std::string>> jwt_metadata_;
  std::vector<std::string> scopes_;  // of the signed tokens that passed
  bool token_passed_ = false;        // of either kind
  std::optional<Refusal> missing_;   // the first optional mechanism that had nothing to look at
  KeyRights rights_;
  absl::Time hard_expiry_ = absl::InfiniteFuture();
  absl::Time not_yet_ = absl::InfiniteFuture();  // a refusal that time alone undoes
  v1::Decision decision_;
};

}  // namespace sallyport::authsvc
