#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "shared/base/reason.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

std::string TimeText(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(unix_ms),
                          absl::UTCTimeZone());
}

absl::Status AddToken(const Args& args, wire::AuthorizeRequest* question) {
  if (args.Has("--jwt-file")) {
    auto jwt = ReadPassword(args.Get("--jwt-file"));
    if (!jwt.ok()) return jwt.status();
    auto* credential = question->add_credentials();
    credential->set_mechanism("jwt");
    credential->set_place(args.Has("--place") ? args.Get("--place") : "header");
    credential->set_name(args.Has("--jwt-name") ? args.Get("--jwt-name") : "authorization");
    credential->set_jwt(std::string(jwt->Reveal()));
  }
  if (args.Has("--login-file")) {
    auto login = ReadPassword(args.Get("--login-file"));
    if (!login.ok()) return login.status();
    auto* credential = question->add_credentials();
    credential->set_mechanism("basic");
    credential->set_place("header");
    credential->set_login(std::string(login->Reveal()));
  }
  if (!args.Has("--token-file")) return absl::OkStatus();
  auto token = ReadPassword(args.Get("--token-file"));
  if (!token.ok()) return token.status();
  wire::Credential* credential = question->add_credentials();
  credential->set_mechanism("token");
  credential->set_place(args.Has("--place") ? args.Get("--place") : "header");
  credential->set_sha256(crypto::Sha256(token->Reveal()));
  return absl::OkStatus();
}

absl::StatusOr<wire::ExplainRequest> MakeRequest(Session& session, const Args& args) {
  wire::ExplainRequest request;
  if (args.Has("--handshakes")) {
    wire::HandshakeQuery* query = request.mutable_handshakes();
    query->set_client_address(args.Get("--address"));
    query->set_sni(absl::AsciiStrToLower(args.Get("--sni")));
    query->set_presented_sha256(absl::AsciiStrToLower(args.Get("--sha256")));
    return request;
  }
  if (args.Has("--request")) {
    request.set_request_id(args.Get("--request"));
    return request;
  }
  wire::AuthorizeRequest* question = request.mutable_question();
  question->set_api_id(args.Get("--api"));
  question->set_tls(!args.Has("--plain-http"));
  if (args.Has("--cert")) {
    auto password = ReadPassword(args.Get("--password-file"));
    if (!password.ok()) return password.status();
    const auto file = ReadCertificateFile(args.Get("--cert"), password->Reveal());
    if (!file.ok()) return file.status();
    request.set_certificate_pem(file->PublicPem());
    if (file->has_private_key()) session.err() << LeftOutLine(file->path) << '\n';
  }
  absl::Status status = AddToken(args, question);
  if (!status.ok()) return status;
  return request;
}

Json AsJson(const wire::ExplainResponse& response) {
  const wire::Decision& decision = response.decision();
  const base::Reason reason = base::ReasonFromNumber(decision.reason());
  Json json = {{"allowed", decision.reason() == 0},
               {"reason", std::string(base::ReasonName(reason))},
               {"detail", decision.detail()},
               {"identity", decision.identity().name()},
               {"key_id", decision.identity().key_id()},
               {"revision", decision.revision()},
               {"steps", Json::array()}};
  if (!response.replica().empty()) {
    json["replica"] = response.replica();
    json["group"] = response.group();
  }
  for (const wire::ExplainStep& step : response.steps()) {
    json["steps"].push_back(
        {{"stage", step.stage()}, {"passed", step.passed()}, {"text", step.text()}});
  }
  return json;
}

void PrintSteps(Session& session, const wire::ExplainResponse& response) {
  const wire::Decision& decision = response.decision();
  int number = 0;
  for (const wire::ExplainStep& step : response.steps()) {
    session.out() << ++number << ". " << (step.passed() ? "ok      " : "refused ") << step.stage()
                  << ": " << Printable(step.text()) << '\n';
  }
  const base::Reason reason = base::ReasonFromNumber(decision.reason());
  if (decision.reason() == 0) {
    const std::string& name = decision.identity().name();
    session.out() << (name.empty() ? std::string("allowed, without an identity")
                                   : "allowed as " + Printable(name));
    if (!decision.identity().key_id().empty())
      session.out() << " (key " << Printable(decision.identity().key_id()) << ")";
    session.out() << '\n';
  } else {
    session.out() << "refused: " << std::string(base::ReasonName(reason))
                  << (decision.detail().empty() ? "" : ": ") << Printable(decision.detail())
                  << '\n';
  }
}

Json AsJson(const wire::HandshakeFailure& failure) {
  Json json = {{"time", TimeText(failure.time_unix_ms())},
               {"reason", failure.label()},
               {"alert", failure.alert()},
               {"sni", failure.sni()},
               {"client", failure.client_address()},
               {"listener", failure.listener()},
               {"replica", failure.replica()}};
  if (failure.has_presented()) {
    json["presented_not_proven"] = {{"subject", failure.presented().subject()},
                                    {"issuer", failure.presented().issuer()},
                                    {"serial", failure.presented().serial()},
                                    {"sha256", failure.presented().fingerprint()}};
  }
  return json;
}

void PrintHandshake(Session& session, const wire::HandshakeFailure& failure) {
  std::string text =
      absl::StrCat(TimeText(failure.time_unix_ms()), "  ", failure.label(), "  from ",
                   failure.client_address(), " to listener ", failure.listener());
  absl::StrAppend(&text, failure.sni().empty() ? ", no SNI" : ", SNI ", failure.sni());
  if (!failure.alert().empty()) absl::StrAppend(&text, ", ", failure.alert());
  if (!failure.replica().empty()) absl::StrAppend(&text, ", reported by ", failure.replica());
  session.out() << Printable(text) << '\n';
  if (!failure.has_presented()) return;
  session.out() << Printable(absl::StrCat("    it sent, without proof that it is its own: ",
                                          failure.presented().subject(), ", issued by ",
                                          failure.presented().issuer(), ", serial ",
                                          failure.presented().serial(), ", SHA-256 ",
                                          failure.presented().fingerprint()))
                << '\n';
}

int PrintHandshakes(Session& session, const Args& args, const wire::ExplainResponse& response) {
  const std::string format = args.Get("--output");
  Json json = Json::array();
  for (const wire::HandshakeFailure& failure : response.handshakes()) {
    if (format == "json" || format == "yaml")
      json.push_back(AsJson(failure));
    else
      PrintHandshake(session, failure);
  }
  if (format == "json") PrintJson(session.out(), json.dump());
  if (format == "yaml") PrintYaml(session.out(), json.dump());
  if (response.handshakes().empty() && format != "json" && format != "yaml")
    session.out() << "none was reported to this auth service within a day\n";
  return kDone;
}

std::string AreConnected(uint32_t count) {
  return count == 1 ? "1 data plane connected" : absl::StrCat(count, " data planes connected");
}

// Nobody reported that request as refused, and no data plane says that it let it in.
absl::Status NotFound(const std::string& request_id, const wire::ExplainResponse& response) {
  std::string text =
      absl::StrCat("no data plane reported a refusal with request id ", request_id,
                   ", and none has it among the requests that it let in last: asked ",
                   AreConnected(response.asked()), " to this auth service");
  if (response.unanswered_size() > 0) {
    absl::StrAppend(&text, "; no answer from ", absl::StrJoin(response.unanswered(), ", "));
  }
  if (response.not_asked_size() > 0) {
    absl::StrAppend(&text, "; not asked, because they keep none (allowed_kept: 0): ",
                    absl::StrJoin(response.not_asked(), ", "));
  }
  absl::StrAppend(
      &text,
      ". Refusals are kept for a day, by the auth service that they were reported to; of the"
      " requests that were let in each data plane keeps the last (allowed_kept, allowed_bytes)");
  return absl::NotFoundError(Printable(text));
}

}  // namespace

int RunExplain(Session& session, const Args& args) {
  if (!args.Has("--request") && !args.Has("--api") && !args.Has("--handshakes"))
    return session.Usage("explain needs --request ID, --handshakes, or --api ID with --cert FILE");
  auto request = MakeRequest(session, args);
  if (!request.ok()) return session.Fail(request.status());
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  wire::ExplainResponse response;
  const absl::Status status = (*client)->Call(&wire::Authorization::Stub::Explain,
                                              (*client)->authorization(), *request, &response);
  if (!status.ok()) return session.Fail(status);
  if (args.Has("--handshakes")) return PrintHandshakes(session, args, response);
  if (!response.found()) {
    return session.Fail(NotFound(args.Get("--request"), response));
  }
  const std::string format = args.Get("--output");
  if (format == "json") {
    PrintJson(session.out(), AsJson(response).dump());
  } else if (format == "yaml") {
    PrintYaml(session.out(), AsJson(response).dump());
  } else {
    PrintSteps(session, response);
  }
  // A request that was looked up is an answer; a question whose answer is "refused" is a finding.
  return args.Has("--request") || response.decision().reason() == 0 ? kDone : kRefused;
}

}  // namespace sallyport::authsvc::ctl
