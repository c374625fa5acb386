#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

struct Finding {
  std::string level;  // problem | warning | ok
  std::string area;
  std::string text;
};

class Findings {
 public:
  void Problem(absl::string_view area, std::string text) { Add("problem", area, std::move(text)); }
  void Warning(absl::string_view area, std::string text) { Add("warning", area, std::move(text)); }
  void Ok(absl::string_view area, std::string text) { Add("ok", area, std::move(text)); }
  [[nodiscard]] const std::vector<Finding>& all() const { return all_; }
  [[nodiscard]] bool HasProblem() const {
    for (const Finding& finding : all_) {
      if (finding.level == "problem") return true;
    }
    return false;
  }

 private:
  void Add(absl::string_view level, absl::string_view area, std::string text) {
    all_.push_back({std::string(level), std::string(area), std::move(text)});
  }
  std::vector<Finding> all_;
};

void CheckControlExpiry(const std::string& whose, absl::Time not_after, Findings* findings) {
  const absl::Duration left = not_after - absl::Now();
  const int64_t days = left / absl::Hours(24);
  if (left <= absl::ZeroDuration()) {
    findings->Problem("control certificate",
                      absl::StrCat(whose, " has expired: sallyctl pki renew DIR"));
  } else if (days < 30) {
    findings->Warning("control certificate",
                      absl::StrCat(whose, " expires in ", days, " days: sallyctl pki renew DIR"));
  } else {
    findings->Ok("control certificate", absl::StrCat(whose, " is valid for ", days, " days"));
  }
}

void CheckControlCertificates(const Context& context, Findings* findings) {
  for (const std::string& path : {context.tls.certificate(), context.tls.authorities()}) {
    const auto pem = ReadFile(path);
    if (!pem.ok()) {
      findings->Problem("control certificate", std::string(pem.status().message()));
      continue;
    }
    const auto bundle = crypto::ParsePem(*pem);
    if (!bundle.ok() || bundle->chain.empty()) {
      findings->Problem("control certificate", absl::StrCat(path, " is not a certificate"));
      continue;
    }
    CheckControlExpiry(path, bundle->chain.front()->not_after, findings);
  }
}

std::string NameOf(const wire::Replica& replica) {
  return absl::StrCat(replica.group(), "/", replica.name(), " (", replica.address(), ")");
}

// Those that are in no store: authsvc's own, and what each data plane showed on its stream.
void CheckPeerCertificates(const wire::StatusResponse& status, Findings* findings) {
  const auto check = [findings](const std::string& whose, int64_t unix_seconds) {
    if (unix_seconds != 0) CheckControlExpiry(whose, absl::FromUnixSeconds(unix_seconds), findings);
  };
  check("authsvc's own", status.certificate_not_after_unix());
  for (const wire::Replica& replica : status.replicas()) {
    check(absl::StrCat("that of data plane ", NameOf(replica)),
          replica.certificate_not_after_unix());
  }
}

void CheckGone(const wire::StatusResponse& status, Findings* findings) {
  for (const wire::Replica& replica : status.gone()) {
    const std::string since = absl::FormatTime(
        "%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(replica.gone_unix()), absl::UTCTimeZone());
    findings->Warning("data planes", absl::StrCat(NameOf(replica), " is gone since ", since,
                                                  ": was it stopped? Its log and network say why"));
  }
}

void CheckReplicas(const wire::StatusResponse& status, Findings* findings) {
  CheckGone(status, findings);
  if (status.replicas().empty()) {
    findings->Warning("data planes", "none is connected: nothing is served");
    return;
  }
  for (const wire::Replica& replica : status.replicas()) {
    const std::string name = NameOf(replica);
    if (replica.revision() < status.revision()) {
      findings->Warning(
          "data planes",
          absl::StrCat(name, " is ", status.revision() - replica.revision(), " revisions behind"));
    } else {
      findings->Ok("data planes", absl::StrCat(name, " has applied revision ", replica.revision()));
    }
  }
  if (status.replicas_size() > 1) {
    findings->Warning(
        "limits", absl::StrCat("rate limits and quotas are counted per replica and ",
                               status.replicas_size(), " are connected: a caller may get up to ",
                               status.replicas_size(), " times its limit"));
  }
}

void CheckService(const wire::StatusResponse& status, Findings* findings) {
  findings->Ok("authsvc", absl::StrCat("store ", status.store_id(), ", epoch ", status.epoch(),
                                       ", revision ", status.revision()));
  if (!status.store_writable())
    findings->Problem("store", "it takes no writes: is its disk full or its file locked?");
  CheckPeerCertificates(status, findings);
  CheckReplicas(status, findings);
  for (const std::string& text : status.insecure()) findings->Warning("insecure", text);
  for (const std::string& text : status.pending())
    findings->Warning(
        "pending", absl::StrCat(text, " is not there, or may not be used there: it admits nobody"));
  for (const std::string& text : status.expiring()) findings->Warning("expiring", text);
}

void Print(Session& session, const Args& args, const Findings& findings) {
  const std::string format = args.Get("--output");
  if (format.empty() || format == "table") {
    std::vector<std::vector<std::string>> rows;
    for (const Finding& finding : findings.all())
      rows.push_back({finding.level, finding.area, finding.text});
    return PrintTable(session.out(), {"LEVEL", "AREA", "FINDING"}, rows);
  }
  Json json = Json::array();
  for (const Finding& finding : findings.all()) {
    json.push_back({{"level", finding.level}, {"area", finding.area}, {"text", finding.text}});
  }
  format == "json" ? PrintJson(session.out(), json.dump()) : PrintYaml(session.out(), json.dump());
}

}  // namespace

int RunDoctor(Session& session, const Args& args) {
  const auto context = session.context();
  if (!context.ok()) return session.Fail(context.status());
  Findings findings;
  CheckControlCertificates(*context, &findings);
  int code = kDone;
  auto client = session.Connect();
  absl::Status status = client.status();
  wire::StatusResponse response;
  if (status.ok()) {
    status = (*client)->Call(&wire::Admin::Stub::Status, (*client)->admin(), wire::StatusRequest(),
                             &response, absl::Seconds(10));
  }
  if (status.ok()) {
    CheckService(response, &findings);
  } else {
    findings.Problem("authsvc", std::string(status.message()));
    code = ExitCodeOf(status);
  }
  Print(session, args, findings);
  if (code == kDone && findings.HasProblem()) code = kRefused;
  return code;
}

}  // namespace sallyport::authsvc::ctl
