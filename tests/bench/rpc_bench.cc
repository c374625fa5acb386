// Authorize calls per second, of authsvc or of a bare gRPC echo that speaks the same messages.
//
//   bench_rpc echo PORT TLS-DIR                              serves empty answers until SIGTERM
//   bench_rpc allow PORT                                     answers every ext_authz Check with a
//   yes bench_rpc load HOST:PORT TLS-DIR API CERTS.der SECONDS IN-FLIGHT
//
// TLS-DIR holds tls.crt, tls.key and ca.crt. `load` prints one JSON object. CERTS.der holds one
// certificate, about which is asked until the time is up, or several one after the other, about
// each of which is asked once.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "sallyport/v1/decision.grpc.pb.h"

namespace {

namespace v1 = sallyport::v1;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Echo final : public v1::Authorization::CallbackService {
  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const v1::AuthorizeRequest*,
                                      v1::AuthorizeResponse*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// envoy.service.auth.v3.Authorization/Check as cheap as it can be: whatever is asked, the same
// bytes.
class Allow final : public grpc::CallbackGenericService {
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    Call() { StartRead(&question_); }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      // CheckResponse: `status` (1) and `ok_response` (3), both empty.
      const grpc::Slice yes("\x0a\x00\x1a\x00", 4);
      answer_ = grpc::ByteBuffer(&yes, 1);
      StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer question_, answer_;
  };
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Call;
  }
};

int ServeAllow(const std::string& port) {
  Allow service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->Wait();
  return 0;
}

int Serve(const std::string& port, const std::string& tls) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ReadFile(tls + "/ca.crt");
  options.pem_key_cert_pairs.push_back({ReadFile(tls + "/tls.key"), ReadFile(tls + "/tls.crt")});
  Echo service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::SslServerCredentials(options));
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->Wait();
  return 0;
}

// DER certificates of 256 to 65,535 bytes, one after the other: SEQUENCE with a length of two
// bytes.
std::vector<std::string> Split(const std::string& ders) {
  std::vector<std::string> out;
  for (size_t at = 0; at + 4 <= ders.size();) {
    const auto byte = [&](size_t i) {
      return static_cast<size_t>(static_cast<unsigned char>(ders[at + i]));
    };
    if (byte(0) != 0x30 || byte(1) != 0x82) return {};
    out.push_back(ders.substr(at, 4 + byte(2) * 256 + byte(3)));
    at += out.back().size();
  }
  return out;
}

struct Load {
  v1::Authorization::Stub* stub = nullptr;
  std::vector<v1::AuthorizeRequest> questions;
  absl::Time end;
  absl::Mutex mutex;
  size_t next ABSL_GUARDED_BY(mutex) = 0;
  uint64_t calls ABSL_GUARDED_BY(mutex) = 0;
  uint64_t failed ABSL_GUARDED_BY(mutex) = 0;
  int in_flight ABSL_GUARDED_BY(mutex) = 0;
};

// One call after another until the end.
struct Caller {
  Load* load = nullptr;
  std::unique_ptr<grpc::ClientContext> context;
  v1::AuthorizeResponse answer;

  // Null at the end.
  const v1::AuthorizeRequest* NextQuestion() {
    absl::MutexLock lock(&load->mutex);
    const bool once_each = load->questions.size() > 1;
    if (absl::Now() < load->end && (!once_each || load->next < load->questions.size())) {
      return &load->questions[once_each ? load->next++ : 0];
    }
    --load->in_flight;
    return nullptr;
  }
  void Start() {
    const v1::AuthorizeRequest* const question = NextQuestion();
    if (question == nullptr) return;
    context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    load->stub->async()->Authorize(context.get(), question, &answer, [this](grpc::Status status) {
      Done(status.ok() && answer.decision().reason() == 0);
    });
  }
  void Done(bool good) {
    {
      absl::MutexLock lock(&load->mutex);
      good ? ++load->calls : ++load->failed;
    }
    Start();
  }
};

int RunLoad(char** argv) {
  const std::string tls = argv[3];
  grpc::SslCredentialsOptions options{ReadFile(tls + "/ca.crt"), ReadFile(tls + "/tls.key"),
                                      ReadFile(tls + "/tls.crt")};
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  const auto stub = v1::Authorization::NewStub(
      grpc::CreateCustomChannel(argv[2], grpc::SslCredentials(options), arguments));
  Load load;
  load.stub = stub.get();
  for (const std::string& der : Split(ReadFile(argv[5]))) {
    v1::AuthorizeRequest& question = load.questions.emplace_back();
    question.set_api_id(argv[4]);
    question.set_tls(true);
    question.set_proof(v1::PROOF_TLS);
    question.add_chain_der(der);
  }
  if (load.questions.empty()) return 1;
  const absl::Time start = absl::Now();
  load.end = start + absl::Seconds(atof(argv[6]));
  std::vector<Caller> callers(static_cast<size_t>(atoi(argv[7])));
  {
    absl::MutexLock lock(&load.mutex);
    load.in_flight = static_cast<int>(callers.size());
  }
  for (Caller& caller : callers) {
    caller.load = &load;
    caller.Start();
  }
  absl::MutexLock lock(&load.mutex);
  const auto idle = [](Load* all) ABSL_NO_THREAD_SAFETY_ANALYSIS { return all->in_flight == 0; };
  load.mutex.Await(absl::Condition(+idle, &load));
  printf("{\"operations\":%lu,\"failed\":%lu,\"seconds\":%.3f}\n", load.calls, load.failed,
         absl::ToDoubleSeconds(absl::Now() - start));
  return load.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "echo") return Serve(argv[2], argv[3]);
  if (argc == 3 && std::string(argv[1]) == "allow") return ServeAllow(argv[2]);
  if (argc == 8 && std::string(argv[1]) == "load") return RunLoad(argv);
  fprintf(stderr,
          "usage: bench_rpc echo PORT TLS-DIR | bench_rpc allow PORT | bench_rpc load HOST:PORT "
          "TLS-DIR API CERTS.der "
          "SECONDS IN-FLIGHT\n");
  return 2;
}
