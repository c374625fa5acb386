// A data race on purpose, behind the file that is compiled without TSan because it touches gRPC's
// callback classes: an answer is counted on gRPC's thread and, at the same time, here. When TSan
// does not report it, what it says of the real code is worth nothing. Expected: a report that names
// `planted`, exit code as TSAN_OPTIONS says.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "dataplane/sync/grpc_authsvc_client.h"
#include "sallyport/v1/decision.grpc.pb.h"

namespace sallyport::dataplane {
namespace {

constexpr int kQuestions = 200;

class DirectPoster final : public Poster {
 public:
  void Post(std::function<void()> work) override { work(); }
};

int planted = 0;
std::atomic<int> answered{0};

int Run() {
  v1::Authorization::Service service;  // answers UNIMPLEMENTED, which is an answer
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  GrpcAuthsvcOptions options;
  options.targets = {absl::StrCat("127.0.0.1:", port)};
  options.name = "race";
  options.plaintext_for_tests = true;
  options.call_deadline = absl::Seconds(20);
  auto client = GrpcAuthsvcClient::Create(std::move(options));
  if (!client.ok()) return 1;
  DirectPoster poster;
  for (int i = 0; i < kQuestions; ++i) {
    (*client)->Authorize({}, &poster, [](const absl::StatusOr<DecisionPtr>&) {
      ++planted;
      answered.fetch_add(1, std::memory_order_relaxed);
    });
    ++planted;
    while (answered.load(std::memory_order_relaxed) <= i) std::this_thread::yield();
  }
  (*client)->Stop();
  std::printf("planted: %d\n", planted);
  return 0;
}

}  // namespace
}  // namespace sallyport::dataplane

int main() { return sallyport::dataplane::Run(); }
