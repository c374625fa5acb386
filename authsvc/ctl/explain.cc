#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
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

absl::Status AddToken(const Args& args, wire::AuthorizeRequest* question) {
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
  for (const wire::ExplainStep& step : response.steps()) {
    json["steps"].push_back({{"stage", step.stage()}, {"passed", step.passed()}, {"text", step.text()}});
  }
  return json;
}

void PrintSteps(Session& session, const wire::ExplainResponse& response) {
  const wire::Decision& decision = response.decision();
  int number = 0;
  for (const wire::ExplainStep& step : response.steps()) {
    session.out() << ++number << ". " << (step.passed() ? "ok      " : "refused ") << step.stage() << ": "
                  << Printable(step.text()) << '\n';
  }
  const base::Reason reason = base::ReasonFromNumber(decision.reason());
  if (decision.reason() == 0) {
    session.out() << "allowed as " << Printable(decision.identity().name());
    if (!decision.identity().key_id().empty()) session.out() << " (key " << Printable(decision.identity().key_id()) << ")";
    session.out() << '\n';
  } else {
    session.out() << "refused: " << std::string(base::ReasonName(reason))
                  << (decision.detail().empty() ? "" : ": ") << Printable(decision.detail()) << '\n';
  }
}

}  // namespace

int RunExplain(Session& session, const Args& args) {
  if (!args.Has("--request") && !args.Has("--api")) return session.Usage("explain needs --request ID, or --api ID with --cert FILE");
  auto request = MakeRequest(session, args);
  if (!request.ok()) return session.Fail(request.status());
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  wire::ExplainResponse response;
  const absl::Status status =
      (*client)->Call(&wire::Authorization::Stub::Explain, (*client)->authorization(), *request, &response);
  if (!status.ok()) return session.Fail(status);
  if (!response.found()) {
    return session.Fail(absl::NotFoundError(absl::StrCat(
        "no data plane reported a refusal with request id ", args.Get("--request"),
        ": it is kept for a day, and allowed requests are not kept")));
  }
  const std::string format = args.Get("--output");
  if (format == "json") {
    PrintJson(session.out(), AsJson(response).dump());
  } else if (format == "yaml") {
    PrintYaml(session.out(), AsJson(response).dump());
  } else {
    PrintSteps(session, response);
  }
  // A refusal that was looked up is an answer; a question whose answer is "refused" is a finding.
  return args.Has("--request") || response.decision().reason() == 0 ? kDone : kRefused;
}

}  // namespace sallyport::authsvc::ctl
