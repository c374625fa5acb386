// A gRPC client in C++, whose HTTP/2 and TLS are gRPC core's: makes one call through whatever it is
// pointed at, and prints one line of JSON about it. For tests/e2e/test_grpc_cpp.py, whose upstream
// has the methods. Messages are bytes, so no stub is needed.
//
//   grpc_probe --target HOST:PORT --authority NAME --ca FILE [--cert FILE --key FILE]
//              [--timeout-ms N] METHOD COUNT SIZE
//
// Unary: one message of SIZE; Up, Both: COUNT messages of SIZE; Down: one message that says COUNT.
// Both waits for an answer to each message before it sends the next.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::map<std::string, std::string> flags;

std::string Contents(const std::string& flag) {
  if (flags.count(flag) == 0) return "";
  std::ifstream file(flags[flag]);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::Channel> Connect() {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = Contents("--ca");
  tls.pem_cert_chain = Contents("--cert");
  tls.pem_private_key = Contents("--key");
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(flags["--authority"]);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, flags["--authority"]);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(flags["--target"], grpc::SslCredentials(tls), arguments);
}

grpc::ByteBuffer Message(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string Bytes(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!message.Valid() || !message.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// One call, one thing of it at a time.
class Probe {
 public:
  explicit Probe(const std::string& method) : stub_(Connect()) {
    const auto wait = std::chrono::milliseconds(
        flags.count("--timeout-ms") != 0 ? std::atoi(flags["--timeout-ms"].c_str()) : 60'000);
    context_.set_deadline(std::chrono::system_clock::now() + wait);
    call_ = stub_.PrepareCall(&context_, "/test.Service/" + method, &queue_);
  }

  void Run(const std::string& method, int count, int size) {
    call_->StartCall(this);
    bool open = Done();
    if (open && method == "Down") {
      open = Write(std::to_string(count));
    } else if (open && (method == "Up" || method == "Both")) {
      for (int i = 0; open && i < count; ++i) {
        open = Write(std::string(static_cast<size_t>(size), 'x'));
        if (open && method == "Both") open = Read();
      }
    } else if (open) {
      open = Write(std::string(static_cast<size_t>(size), 'x'));
    }
    if (open) {
      call_->WritesDone(this);
      open = Done();
    }
    while (open) open = Read();
    call_->Finish(&status_, this);
    (void)Done();
  }

  void Print() const {
    std::string message;  // printable ASCII is enough here
    for (const char c : status_.error_message())
      message += c < 0x20 || c == '"' || c == '\\' ? '?' : c;
    const auto& late = context_.GetServerTrailingMetadata();
    std::cout << R"({"code":)" << status_.error_code() << R"(,"message":")" << message
              << R"(","received":)" << received_ << R"(,"bytes":)" << bytes_ << R"(,"last":")"
              << last_.substr(0, 40) << R"(","late":)" << late.count("x-late") << "}\n";
  }

 private:
  bool Done() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  bool Write(const std::string& bytes) {
    call_->Write(Message(bytes), this);
    return Done();
  }
  bool Read() {
    grpc::ByteBuffer message;
    call_->Read(&message, this);
    if (!Done()) return false;
    ++received_;
    last_ = Bytes(message);
    bytes_ += last_.size();
    return true;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::Status status_;
  int received_ = 0;
  size_t bytes_ = 0;
  std::string last_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) == 0 && i + 1 < argc)
      flags[word] = argv[++i];
    else
      words.push_back(word);
  }
  if (words.size() != 3) return 2;
  Probe probe(words[0]);
  probe.Run(words[0], std::atoi(words[1].c_str()), std::atoi(words[2].c_str()));
  probe.Print();
  return 0;
}
