// Wire messages to values and back. Private to dataplane/sync/grpc.
// What cannot be read becomes what refuses (Route::broken, IpRuleSet::broken, kInternal), never
// what lets through. Pure, thread-safe.
#pragma once

#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/sync/telemetry_sink.h"

namespace sallyport::v1 {
class AuthorizeRequest;
class CertificateFacts;
class Decision;
class LookupAnswer;
class ReportRequest;
class ResolveServerResponse;
class ResolveUpstreamResponse;
class Route;
class Update;
class ValidateCertificateRequest;
class ValidateCertificateResponse;
}  // namespace sallyport::v1

namespace sallyport::dataplane {

[[nodiscard]] RoutePtr RouteFrom(const v1::Route& wire);
[[nodiscard]] DecisionPtr DecisionFrom(const v1::Decision& wire);
// Moves the private key out of the message and cleanses what stays behind.
[[nodiscard]] UpstreamCredentialsPtr UpstreamFrom(v1::ResolveUpstreamResponse* wire);
[[nodiscard]] ServerCredentialsPtr ServerFrom(v1::ResolveServerResponse* wire);
[[nodiscard]] ValidationPtr ValidationFrom(v1::ValidateCertificateResponse* wire);
// Moves ticket keys out of the message and cleanses what stays behind.
[[nodiscard]] StreamUpdate UpdateFrom(v1::Update* wire);

void Fill(const AuthorizeQuestion& question, v1::AuthorizeRequest* wire);
void Fill(const ValidationQuestion& question, v1::ValidateCertificateRequest* wire);
void Fill(const TelemetryBatch& batch, v1::ReportRequest* wire);
void Fill(const LookupAnswer& answer, v1::LookupAnswer* wire);

}  // namespace sallyport::dataplane
