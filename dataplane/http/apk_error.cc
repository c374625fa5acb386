#include "dataplane/http/error_style.h"

namespace sallyport::dataplane {
namespace {

using base::Fault;
using base::Reason;

constexpr ApkText kInvalidCredentials = {
    401, "900901", "Invalid Credentials",
    "Make sure you have provided the correct security credentials"};
constexpr ApkText kForbidden = {403, "900908", "Resource forbidden",
                                "User is NOT authorized to access the Resource"};

}  // namespace

ApkText ApkTextOf(Reason reason) {
  const auto number = static_cast<unsigned>(reason);
  if (number >= 10 && number < 40) return kInvalidCredentials;
  switch (reason) {
    case Reason::kTokenRequired:
      return {401, "900902", "Missing Credentials",
              "Make sure your API invocation call has a header: 'Authorization'"};
    case Reason::kTokenInvalid:
    case Reason::kTokenMalformed:
    case Reason::kTokenNamesNobody:
    case Reason::kLoginInvalid:
    case Reason::kTokenUnknown: return kInvalidCredentials;
    case Reason::kTokenExpired:
    case Reason::kKeyExpired:
      return {401, "900903", "Access Token Expired", "Renew the access token and try again"};
    case Reason::kKeyInactive:
      return {401, "900904", "Access Token Inactive", "Generate a new access token and try again"};
    case Reason::kApiNotGranted:
    case Reason::kVersionNotGranted:
    case Reason::kKeyPolicyInvalid:
    case Reason::kOperationNotGranted: return kForbidden;
    case Reason::kScopeMissing:
      return {403, "900910", "The access token does not allow you to access the requested resource",
              "User is NOT authorized to access the Resource. Scope validation failed."};
    case Reason::kRateLimited:
    case Reason::kApiRateLimited:
    case Reason::kQuotaExceeded:
      return {429, "900802", "Message throttled out", "You have exceeded your quota"};
    case Reason::kOperationUnknown:
    case Reason::kNoRoute:
      return {404, "900906", "No matching resource found for given API Request", "Check the path"};
    case Reason::kMethodNotAllowed:
      return {405, "900906", "No matching resource found for given API Request",
              "Check the method"};
    default: break;
  }
  ApkText text;
  text.status = base::ReasonStatus(reason);
  switch (base::ReasonFault(reason)) {
    case Fault::kUpstream:
      text.code = "101503";
      text.message = "Error connecting to the back end";
      text.description = "Error connecting to the back end";
      break;
    case Fault::kClient:
      text.code = "900400";
      text.message = "Bad request";
      text.description = "The request cannot be served as it is";
      break;
    default:
      text.message = "Unclassified Authentication Failure";
      text.description = "The request could not be authorized";
      break;
  }
  return text;
}

}  // namespace sallyport::dataplane
