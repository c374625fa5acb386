// A peer that asks for new keys while it takes nothing: who reads from it must write.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using testing::CertBuilder;
using testing::TestCert;

class KeyUpdateTest : public ::testing::Test {
 protected:
  KeyUpdateTest() : certificate_(CertBuilder("CN=srv").ServerAuth().SelfSign()) {
    loop_.RefreshNow();
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()), 0);
    server_context_.reset(SSL_CTX_new(TLS_server_method()));
    const auto* bytes = reinterpret_cast<const unsigned char*>(certificate_.der.data());
    const crypto::UniqueX509 x509(
        d2i_X509(nullptr, &bytes, static_cast<long>(certificate_.der.size())));
    EXPECT_EQ(SSL_CTX_use_certificate(server_context_.get(), x509.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(server_context_.get(), certificate_.key.get()), 1);
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
    client_.reset(SSL_new(client_context_.get()));
    SSL_set_fd(client_.get(), ends_[1]);
    SSL_set_connect_state(client_.get());
    SSL* const ssl = SSL_new(server_context_.get());
    SSL_set_accept_state(ssl);
    stream_ = std::make_unique<TlsStream>(loop_, ends_[0], ssl);
    ShakeHands();
  }
  ~KeyUpdateTest() override { close(ends_[1]); }

  void Spawn(std::optional<IoResult>* result, std::function<awaitable<IoResult>()> work) {
    boost::asio::co_spawn(
        loop_.context(),
        [](std::optional<IoResult>* out,
           std::function<awaitable<IoResult>()> what) -> awaitable<void> {
          const IoResult ended = co_await what();
          *out = ended;
        }(result, std::move(work)),
        boost::asio::detached);
  }
  void Turn() { loop_.RunFor(absl::ZeroDuration()); }
  void RunUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 2000 && !done(); ++i) loop_.RunFor(absl::Milliseconds(1));
    EXPECT_TRUE(done());
  }
  void ShakeHands() {
    std::optional<IoResult> shaken;
    Spawn(&shaken, [this] { return Handshake(*stream_, Deadline::Never()); });
    RunUntil([&] {
      (void)SSL_do_handshake(client_.get());
      return shaken.has_value() && SSL_is_init_finished(client_.get()) != 0;
    });
    EXPECT_TRUE(shaken.has_value() && shaken->ok());
  }
  // The client asks for new keys and takes no answer. Somebody reads from the stream.
  void AskUntilNothingFits() {
    for (int i = 0; i < 100'000 && stream_->readiness().MayTry(Direction::kWrite); ++i) {
      EXPECT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
      EXPECT_EQ(SSL_do_handshake(client_.get()), 1);
      Turn();
    }
    EXPECT_TRUE(SSL_want_write(stream_->ssl())) << "the reader has something to write";
  }
  // What the client reads.
  size_t Take() {
    size_t total = 0;
    char block[16384];
    for (int count = 0; (count = SSL_read(client_.get(), block, sizeof(block))) > 0;) {
      total += static_cast<size_t>(count);
    }
    return total;
  }

  Loop loop_{0};
  std::array<int, 2> ends_ = {-1, -1};
  const TestCert certificate_;
  crypto::UniqueSslCtx server_context_;
  crypto::UniqueSslCtx client_context_;
  crypto::UniqueSsl client_;
  std::unique_ptr<TlsStream> stream_;
};

// An upload is read, its answer is written, and the peer has asked for new keys until no more
// answers to that fit into the socket.
TEST_F(KeyUpdateTest, ReaderAndWriterBothWaitUntilTheyCanWriteAndBothGoOn) {
  std::optional<IoResult> read;
  std::optional<IoResult> written;
  char buffer[16];
  Spawn(&read, [&] { return Read(*stream_, absl::MakeSpan(buffer), Deadline::Never()); });
  AskUntilNothingFits();
  const std::string answer(1 << 20, 'd');
  Spawn(&written, [&] { return WriteAll(*stream_, answer, Deadline::Never()); });
  Turn();
  ASSERT_FALSE(written.has_value() || read.has_value());
  size_t taken = 0;
  RunUntil([&] {
    taken += Take();
    return written.has_value() && taken == answer.size();
  });
  EXPECT_EQ(SSL_write(client_.get(), "up", 2), 2);
  RunUntil([&] { return read.has_value(); });
  ASSERT_TRUE(written->ok() && read->ok());
  EXPECT_EQ(read->bytes, 2U);
}

TEST_F(KeyUpdateTest, CancelReachesBoth) {
  std::optional<IoResult> read;
  std::optional<IoResult> written;
  char buffer[16];
  Spawn(&read, [&] { return Read(*stream_, absl::MakeSpan(buffer), Deadline::Never()); });
  AskUntilNothingFits();
  const std::string answer(1 << 20, 'd');
  Spawn(&written, [&] { return WriteAll(*stream_, answer, Deadline::Never()); });
  Turn();
  ASSERT_FALSE(written.has_value() || read.has_value());
  stream_->Cancel();
  RunUntil([&] { return written.has_value() && read.has_value(); });
  EXPECT_EQ(written->kind, IoResult::Kind::kCancelled);
  EXPECT_EQ(read->kind, IoResult::Kind::kCancelled);
}

}  // namespace
}  // namespace sallyport::dataplane
