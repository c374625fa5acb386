// One request, as named phases in the order of DESIGN 2, whatever version of HTTP its client speaks
// (client_request.h). An object is used for one request after the other of the same connection, so
// a warm one allocates little. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/authorize/verdict.h"
#include "dataplane/exchange/chosen_target.h"
#include "dataplane/exchange/client.h"
#include "dataplane/exchange/client_request.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/forwarded_fields.h"
#include "dataplane/http/cors.h"
#include "dataplane/route/match.h"
#include "dataplane/route/rewrite.h"
#include "dataplane/script/memory_message.h"
#include "dataplane/script/run.h"

namespace sallyport::dataplane {

class Exchange {
 public:
  // Both outlive it.
  Exchange(Client& client, ClientRequest& request)
      : client_(client),
        request_(request),
        head_(request.head),
        services_(client.services),
        registered_(client.registered, request.alone()) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Serves the request at hand.
  [[nodiscard]] boost::asio::awaitable<void> Run();
  // A head that could not be taken, or did not come in time: answered and logged.
  [[nodiscard]] boost::asio::awaitable<void> RefuseHead(base::Reason reason,
                                                        absl::string_view detail);

 private:
  void Begin();
  bool Forget();  // a request that was taken back before it was looked at; always false

  // route
  [[nodiscard]] bool Route();
  [[nodiscard]] bool AdmitLoad();
  [[nodiscard]] bool ReadPlace();       // host, path, client address
  [[nodiscard]] bool CheckTransport();  // plain listeners, 421
  [[nodiscard]] bool SelectRoute();
  [[nodiscard]] bool HasHandshakeFor(const dataplane::Route& route);
  [[nodiscard]] std::optional<absl::string_view> Said(absl::string_view name) const;

  // cors
  [[nodiscard]] bool TakesPreflight(const dataplane::Route& route) const;
  static constexpr int kPreflightStatus = 200;
  [[nodiscard]] OwnAnswer Preflight() const;
  void GatherCorsFields();

  // caller (caller_phase.cc)
  void SeeWhoTells();
  [[nodiscard]] bool ReadAssertedCertificate();
  // Null: the caller has none.
  [[nodiscard]] const PeerCertificate* CallersCertificate() const;
  void AddCertificate();

  // authorize
  bool ReadCredentials();
  void GatherFacts();
  [[nodiscard]] bool AuthorizeFromCaches();
  [[nodiscard]] boost::asio::awaitable<void> AskAuthsvc();
  void Take(Verdict verdict);
  [[nodiscard]] bool CheckGrant();

  // limit
  [[nodiscard]] bool Limit();

  // rewrite (rewrite_phase.cc)
  [[nodiscard]] bool Rewrite();
  [[nodiscard]] bool TakeRewritten(Rewritten rewritten);
  // A field that templates and conditions may look at: nothing that is not forwarded either.
  [[nodiscard]] bool MayBeUsed(absl::string_view name) const;
  [[nodiscard]] absl::string_view Method() const;  // as it goes out

  // script (script_phase.cc): in place of the upstream
  [[nodiscard]] boost::asio::awaitable<bool> ReadScriptBody();
  [[nodiscard]] bool TakeScriptMemory(size_t bytes);
  [[nodiscard]] script::Run ScriptQuestion();
  // False: answered, or denied. True: the upstream is to answer all the same.
  [[nodiscard]] boost::asio::awaitable<bool> AnswerByScript();
  // False: no answer can be made of it, and `end` says why.
  [[nodiscard]] bool TakeScriptAnswer(ScriptEnd* end, OwnAnswer* answer);
  void NoteScript(const ScriptEnd& end);
  class ScriptCaller;

  // upstream: the target (target_phase.cc), its credentials
  [[nodiscard]] const RouteTarget* OtherServer() const;
  [[nodiscard]] bool ChooseTarget();
  void BoundByCaller();
  [[nodiscard]] std::optional<uint64_t> HashKey() const;
  [[nodiscard]] bool EnterTarget();  // false: its limits make it wait
  [[nodiscard]] boost::asio::awaitable<void> WaitForTarget();
  [[nodiscard]] bool TryAnotherTarget();
  [[nodiscard]] bool MayTryAnother() const;
  void ReportTarget();
  [[nodiscard]] bool CredentialsFromCaches();
  [[nodiscard]] boost::asio::awaitable<void> AskCredentials();

  // forward
  [[nodiscard]] uint64_t MostBodyBytes() const;
  void LetIn();
  void GatherFields();
  void GatherVersionFields();
  void SetUpstreamCredential();
  // All that goes out beside what the caller sent, in set_ and remove_; false: denied.
  [[nodiscard]] bool GatherOutgoing(std::optional<ForwardedFields>* forwarded_fields);
  void StripQueryCredentials();
  void StripCredentials();
  static void Change(const HeaderChanges& changes, HeaderFields* set,
                     std::vector<absl::string_view>* remove);
  void HoldIdentity();
  [[nodiscard]] bool TellIdentity(absl::string_view* xfcc);  // identity_phase.cc
  [[nodiscard]] bool ContinueXfcc(absl::string_view* xfcc);
  [[nodiscard]] ForwardTimeouts Timeouts() const;
  [[nodiscard]] absl::string_view HostForUpstream() const;
  [[nodiscard]] boost::asio::awaitable<void> ForwardToUpstream();

  // upgrade
  [[nodiscard]] bool MayUpgrade() const;
  [[nodiscard]] bool TakeTunnelPlace();
  [[nodiscard]] boost::asio::awaitable<void> Tunnel();

  // refuse
  bool Deny(base::Reason reason, std::string detail = "");  // always false
  [[nodiscard]] boost::asio::awaitable<void> Refuse();
  [[nodiscard]] OwnAnswer Redirection() const;
  [[nodiscard]] OwnAnswer Refusal() const;
  [[nodiscard]] OwnAnswer GrpcRefusal(const ErrorAnswer& answer) const;
  [[nodiscard]] int GrpcStatus() const;  // of the terminal outcome; below zero: not known
  [[nodiscard]] int RefusalStatus() const;
  [[nodiscard]] ErrorStyle Style() const;
  [[nodiscard]] bool StaticMtls() const;

  // observe
  void Observe();
  void ObserveMetrics(base::Reason reason, int status, absl::Duration total);
  void ObserveLog(base::Reason reason, int status, absl::Duration total);
  void ObserveTrace(base::Reason reason, int status, absl::Duration total);
  void ObserveTelemetry(base::Reason reason, absl::Duration total);
  void ObserveAllowed(base::Reason reason, absl::Duration total);
  void ObserveRefused(base::Reason reason);

  [[nodiscard]] std::optional<absl::string_view> Header(absl::string_view lower_case_name) const;
  [[nodiscard]] const RoutePtr& FoundRoute() const;

  Client& client_;
  ClientRequest& request_;
  const RequestHead& head_;
  LoopServices& services_;
  RegisteredRequest registered_;

  // Of the request at hand; strings keep their capacity.
  absl::Duration started_;
  absl::Time wall_;
  std::string request_id_;
  std::string host_;              // lower case, without port
  std::string path_;              // normalised
  std::string forwarded_client_;  // behind a trusted proxy
  absl::string_view client_address_;
  bool redirect_ = false;
  bool preflight_ = false;     // answered here, of an API with CORS on
  bool behind_proxy_ = false;  // the TCP peer is a trusted proxy, as of this request
  // One that tells of its callers' certificates: that of the connection is its own.
  bool certificate_by_proxy_ = false;
  PeerCertificatePtr asserted_;  // by it; null: the caller has none
  bool routed_ = false;
  bool rewritten_ = false;
  bool grpc_ = false;       // of a caller that speaks HTTP/2
  Deadline grpc_deadline_;  // the caller's own
  RouteMatch match_;
  const RouteTarget* rewritten_server_ = nullptr;  // in its route
  RoutePtr refused_route_;                         // of a refusal by MatchRoute
  std::string allowed_methods_;  // where the path is the API's and the method is not
  std::vector<PresentedCredential> credentials_;
  AuthFacts facts_;
  std::optional<Permit> permit_;
  std::optional<Denial> denial_;
  std::optional<QuotaState> quota_;
  absl::Duration authorize_took_;
  ForwardTimeouts timeouts_;
  ChosenTarget target_;
  UpstreamCredentialsPtr upstream_credentials_;
  std::optional<MemoryBody> script_body_;  // read for a script
  std::optional<int> script_status_;       // of its answer, which was sent
  uint64_t script_bytes_out_ = 0;
  absl::Duration script_took_;
  BodyBudget::Share script_bytes_;  // of both bodies, while they are here
  CallerIdentityPtr identity_;
  std::string forwarded_xfcc_;  // of a trusted proxy, with ours behind it where it has to be
  std::string target_text_;
  std::string cookie_text_;
  std::string quota_text_[3];
  std::vector<HeaderField> set_;
  std::vector<HeaderField> answer_set_;
  OwnFields cors_text_;
  std::vector<HeaderField> answer_add_;
  std::vector<absl::string_view> remove_, answer_remove_;
  std::optional<ForwardOutcome> forwarded_;
  absl::Duration forward_took_;
  TunnelPlaces::Place tunnel_place_;
  absl::string_view tunnel_end_;  // a constant; empty: there was none
  absl::Duration http_took_;      // until the tunnel
  bool head_refused_ = false;
};

}  // namespace sallyport::dataplane
