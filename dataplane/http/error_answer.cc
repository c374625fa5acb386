#include "dataplane/http/error_answer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dataplane/http/error_style.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

struct Body {
  int status = 500;
  absl::string_view content_type = "application/json";
  std::string text;
  std::string authenticate;  // WWW-Authenticate; empty: none
};

// RFC 7617 section 2 where a login was at fault.
std::string BasicChallenge(absl::string_view name) {
  std::string realm(name);
  for (char& c : realm) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return absl::StrCat("Basic realm=\"",
                      absl::StrReplaceAll(realm, {{"\\", "\\\\"}, {"\"", "\\\""}}),
                      "\", charset=\"UTF-8\"");
}
bool AsksForLogin(const ErrorAnswer& answer) {
  return !answer.realm.empty() &&
         (answer.reason == Reason::kTokenRequired || answer.reason == Reason::kLoginInvalid);
}

// RFC 6750 section 3: what a client that holds tokens does next. Empty: no token was at fault.
std::string BearerChallenge(Reason reason) {
  switch (reason) {
    case Reason::kTokenRequired: return "Bearer";
    case Reason::kTokenInvalid:
    case Reason::kTokenMalformed:
    case Reason::kTokenNamesNobody:
    case Reason::kTokenExpired: return "Bearer error=\"invalid_token\"";
    case Reason::kScopeMissing: return "Bearer error=\"insufficient_scope\"";
    default: return "";
  }
}

Body NativeBody(const ErrorAnswer& answer) {
  Body body;
  body.status = base::ReasonStatus(answer.reason);
  body.text = absl::StrCat("{\"error\":", base::JsonQuote(base::ReasonMessage(answer.reason)),
                           ",\"reason\":", base::JsonQuote(base::ReasonName(answer.reason)),
                           ",\"request_id\":", base::JsonQuote(answer.request_id), "}\n");
  body.authenticate = BearerChallenge(answer.reason);
  return body;
}

Body TykBody(const ErrorAnswer& answer) {
  const StyledText styled = TykText(answer);
  Body body;
  body.status = styled.status;
  if (answer.xml) {
    body.content_type = "application/xml";
    body.text = absl::StrCat(
        "<error>",
        absl::StrReplaceAll(styled.message, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}}),
        "</error>");
  } else {
    body.text = absl::StrCat("{\n    \"error\": ", base::JsonQuote(styled.message), "\n}");
  }
  return body;
}

// APISIX answers certificate problems as nginx does, the rest as its plugins do (reference
// apisix.md A3.2).
Body ApisixBody(const ErrorAnswer& answer) {
  Body body;
  body.status = StatusOf(answer.reason, ErrorStyle::kApisix, answer.static_mtls);
  if (body.status == 400 || body.status >= 500) {
    const std::string title = absl::StrCat(body.status, " ", ReasonPhrase(body.status));
    body.content_type = "text/html; charset=utf-8";
    body.text =
        absl::StrCat("<html>\r\n<head><title>", title, "</title></head>\r\n<body>\r\n<center><h1>",
                     title, "</h1></center>\r\n</body>\r\n</html>\r\n");
    return body;
  }
  absl::string_view message = base::ReasonMessage(answer.reason);
  if (answer.reason == Reason::kNoRoute) message = "404 Route Not Found";
  if (answer.reason == Reason::kTokenRequired)
    message = answer.jwt ? "Missing JWT token in request" : "Missing API key found in request";
  if (answer.reason == Reason::kTokenUnknown)
    message = answer.jwt ? "Invalid user key in JWT token" : "Invalid API key in request";
  if (answer.reason == Reason::kTokenMalformed) message = "JWT token invalid";
  if (answer.reason == Reason::kTokenNamesNobody) message = "missing user key in JWT token";
  if (answer.reason == Reason::kTokenInvalid || answer.reason == Reason::kTokenExpired)
    message = "failed to verify jwt";
  if (answer.reason == Reason::kCertBindingMismatch)
    message = "The credentials are not of one consumer";
  if (answer.reason == Reason::kIpDenied) message = "Your IP address is not allowed";
  const absl::string_view member = answer.reason == Reason::kNoRoute ? "error_msg" : "message";
  body.text = absl::StrCat("{\"", member, "\":", base::JsonQuote(message), "}\n");
  return body;
}

Body ApkBody(const ErrorAnswer& answer) {
  const ApkText text = ApkTextOf(answer.reason);
  Body body;
  body.status = text.status;
  body.text = absl::StrCat("{\"code\":\"", text.code,
                           "\",\"error_message\":", base::JsonQuote(text.message),
                           ",\"error_description\":", base::JsonQuote(text.description), "}");
  if (text.status == 401) {
    body.authenticate =
        "Mutual SSL realm=\"APK\" Bearer realm=\"APK\" JWT realm=\"APK\" , "
        "error=\"invalid_token\", error_description=\"The provided token is invalid\"";
  }
  return body;
}

// A misdirected request is 421 in every style: HTTP clients act on it by opening another
// connection.
Body BodyOf(const ErrorAnswer& answer) {
  Body body;
  switch (answer.style) {
    case ErrorStyle::kNative: body = NativeBody(answer); break;
    case ErrorStyle::kTyk: body = TykBody(answer); break;
    case ErrorStyle::kApisix: body = ApisixBody(answer); break;
    case ErrorStyle::kApk: body = ApkBody(answer); break;
  }
  if (answer.reason == Reason::kMisdirected) body.status = 421;
  if (AsksForLogin(answer)) body.authenticate = BasicChallenge(answer.realm);
  return body;
}

}  // namespace

int StatusOf(Reason reason, ErrorStyle style, bool static_mtls) {
  if (reason == Reason::kMisdirected) return 421;
  switch (style) {
    case ErrorStyle::kNative: break;
    case ErrorStyle::kTyk: {
      ErrorAnswer answer;
      answer.reason = reason;
      answer.static_mtls = static_mtls;
      return TykText(answer).status;
    }
    case ErrorStyle::kApk: return ApkTextOf(reason).status;
    case ErrorStyle::kApisix: {
      const auto number = static_cast<unsigned>(reason);
      const bool credential =
          reason == Reason::kTokenUnknown || reason == Reason::kCertBindingMismatch;
      if (credential) return 401;  // as key-auth does
      if (number >= 10 && number < 40) return 400;
      break;
    }
  }
  return base::ReasonStatus(reason);
}

std::string MessageOf(const ErrorAnswer& answer) {
  switch (answer.style) {
    case ErrorStyle::kTyk: return TykText(answer).message;
    case ErrorStyle::kApk: return ApkTextOf(answer.reason).message;
    default: return std::string(base::ReasonMessage(answer.reason));
  }
}

OwnAnswer AnswerOf(const ErrorAnswer& answer) {
  Body body = BodyOf(answer);
  OwnAnswer own;
  own.status = body.status;
  own.body = std::move(body.text);
  own.fields.emplace_back("Content-Type", body.content_type);
  own.fields.emplace_back("X-Request-Id", answer.request_id);
  if (!body.authenticate.empty()) own.fields.emplace_back("WWW-Authenticate", body.authenticate);
  if (answer.style == ErrorStyle::kTyk) own.fields.emplace_back("X-Generator", "tyk.io");
  if (!answer.allowed_methods.empty()) own.fields.emplace_back("Allow", answer.allowed_methods);
  if (answer.retry_after_seconds > 0) {
    own.fields.emplace_back("Retry-After", absl::StrCat(answer.retry_after_seconds));
  }
  return own;
}

OwnAnswer RedirectAnswer(absl::string_view location, absl::string_view request_id) {
  OwnAnswer own;
  own.status = 308;
  own.fields.emplace_back("Location", location);
  own.fields.emplace_back("X-Request-Id", request_id);
  return own;
}

void RenderOwnAnswer(const OwnAnswer& answer, bool to_head, bool close, std::string* out) {
  absl::StrAppend(out, "HTTP/1.1 ", answer.status, " ", ReasonPhrase(answer.status), "\r\n");
  for (const auto& [name, value] : answer.fields) absl::StrAppend(out, name, ": ", value, "\r\n");
  // RFC 9110 8.6: neither says how long it is.
  if (answer.status != 204 && answer.status != 304)
    absl::StrAppend(out, "Content-Length: ", answer.body.size(), "\r\n");
  out->append(close ? "Connection: close\r\n\r\n" : "\r\n");
  if (!to_head) out->append(answer.body);
}

}  // namespace sallyport::dataplane
