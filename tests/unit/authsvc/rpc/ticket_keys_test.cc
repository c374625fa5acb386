// Who is told session-ticket keys on Subscribe: data planes that ask, of their own group, not
// denied.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "tests/unit/authsvc/rpc/server_world.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A Subscribe stream of one caller.
class Listener {
 public:
  Listener(ServerWorld& world, std::shared_ptr<grpc::Channel> channel, bool asks = true)
      : world_(world), channel_(std::move(channel)), stub_(wire::Distribution::NewStub(channel_)) {
    SetDeadline(&context_);
    wire::SubscribeRequest request;
    request.set_name("replica");
    request.set_takes_ticket_keys(asks);
    reader_ = stub_->Subscribe(&context_, request);
  }
  ~Listener() { context_.TryCancel(); }

  // The secrets that come next; nothing when the stream ends first.
  std::optional<std::vector<std::string>> Next() {
    wire::Update update;
    while (reader_->Read(&update)) {
      if (update.kind_case() != wire::Update::kTicketKeys) continue;
      EXPECT_EQ(update.revision(), 0u);
      std::vector<std::string> secrets;
      for (const auto& key : update.ticket_keys().keys()) secrets.push_back(key.secret());
      return secrets;
    }
    return std::nullopt;
  }
  // Waits for what every stream begins with; false when the stream ends before.
  bool Begins() {
    wire::Update update;
    return ReadUntil(reader_, &update, [](const wire::Update& one) { return one.has_snapshot(); });
  }
  // No keys come while the server says this many other things.
  bool TellsNone(int messages) {
    wire::Update update;
    for (int i = 0; i < messages; ++i) {
      world_.hub().Beat();
      if (!reader_->Read(&update)) return false;
      if (update.kind_case() == wire::Update::kTicketKeys) return false;
    }
    return true;
  }
  grpc::Status End() { return reader_->Finish(); }

 private:
  ServerWorld& world_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::Distribution::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<wire::Update>> reader_;
};

TEST(TicketKeysOnSubscribe, EachGroupHasItsOwn) {
  ServerWorld world;
  Listener one(world, world.As("dataplane", "edge")), two(world, world.As("dataplane", "edge"));
  Listener other(world, world.As("dataplane", "core"));
  ASSERT_TRUE(one.Begins() && two.Begins() && other.Begins());
  world.tickets().Look();
  const auto keys = one.Next();
  ASSERT_THAT(keys, ::testing::Optional(SizeIs(1)));
  EXPECT_EQ(keys->front().size(), 64u);
  EXPECT_EQ(two.Next(), keys);
  const auto others = other.Next();
  ASSERT_THAT(others, ::testing::Optional(SizeIs(1)));
  EXPECT_NE(others, keys);
  Listener late(world, world.As("dataplane", "edge"));
  EXPECT_EQ(late.Next(), keys);
}

TEST(TicketKeysOnSubscribe, WhoDoesNotAskIsNotTold) {
  ServerWorld world;
  Listener asks(world, world.As("dataplane")), quiet(world, world.As("dataplane"), false);
  ASSERT_TRUE(asks.Begins() && quiet.Begins());
  world.tickets().Look();
  ASSERT_NE(asks.Next(), std::nullopt);
  EXPECT_TRUE(quiet.TellsNone(3));
}

TEST(TicketKeysOnSubscribe, NoOtherRoleIsTold) {
  ServerWorld world;
  Listener known(world, world.As("dataplane"));
  ASSERT_TRUE(known.Begins());
  world.tickets().Look();
  for (const char* role : {"admin", "reader", "decision"}) {
    Listener listener(world, world.As(role));
    EXPECT_EQ(listener.Next(), std::nullopt) << role;
    EXPECT_EQ(listener.End().error_code(), grpc::StatusCode::PERMISSION_DENIED) << role;
  }
}

TEST(TicketKeysOnSubscribe, ADeniedOneLosesItsStreamAndTheOthersGetOtherKeys) {
  ServerWorld world;
  const TestCert stolen = world.Issue("spiffe://test/sallyport/dataplane/edge/stolen");
  Listener denied(world, world.Channel(&stolen)), spared(world, world.As("dataplane", "edge"));
  ASSERT_TRUE(denied.Begins() && spared.Begins());
  world.tickets().Look();
  const auto before = spared.Next();
  ASSERT_EQ(denied.Next(), before);
  const std::string entry = absl::StrCat("spki-sha256:", base::Hex(stolen.cert->spki_sha256));
  const auto list = *DeniedCallers::Parse(entry);
  EXPECT_THAT(list->Entries(), ElementsAre(entry));
  world.roles().Deny(list);
  world.tickets().SetDenied(list->Entries());
  world.server().RecheckCallers();
  world.tickets().Look();
  const auto after = spared.Next();
  ASSERT_THAT(after, ::testing::Optional(SizeIs(1)));
  EXPECT_NE(after, before);
  EXPECT_EQ(denied.Next(), std::nullopt) << "neither the new keys nor an empty set";
  EXPECT_EQ(denied.End().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST(TicketKeysOnSubscribe, OneThatIsDeniedElsewhereIsGivenNone) {
  ServerWorld world;
  // As another authsvc of this store would write it.
  const std::string uri = "spiffe://test/sallyport/dataplane/edge/stolen";
  const TestCert stolen = world.Issue(uri);
  world.tickets().SetDenied({uri});
  Listener denied(world, world.Channel(&stolen)), spared(world, world.As("dataplane", "edge"));
  ASSERT_TRUE(denied.Begins() && spared.Begins());
  world.tickets().Look();
  EXPECT_THAT(spared.Next(), ::testing::Optional(SizeIs(1)));
  EXPECT_THAT(denied.Next(), ::testing::Optional(IsEmpty()));
}

TEST(MayNameDataplane, ByNameItsGroupAloneElseAny) {
  const RoleMap roles("test", {});
  const std::string edge = "spiffe://test/sallyport/dataplane/edge/1";
  EXPECT_TRUE(MayNameDataplane(roles, edge, "edge"));
  EXPECT_FALSE(MayNameDataplane(roles, edge, "core"));
  EXPECT_FALSE(MayNameDataplane(roles, "spiffe://test/sallyport/admin/edge/1", "edge"));
  EXPECT_TRUE(MayNameDataplane(roles, "spki-sha256:aa", "edge"));
  EXPECT_TRUE(MayNameDataplane(roles, "spiffe://elsewhere/x", "edge"));
  const RoleMap mapped("test", {{"", "DNS:m", {Role::kDataplane, "core", "m"}}});
  EXPECT_TRUE(MayNameDataplane(mapped, edge, "core")) << "its certificate may have that name, too";
}

TEST(DenyNames, AreAllThatAnEntryCanSay) {
  PeerCertificate certificate;
  certificate.uri_sans = {"spiffe://a", "spiffe://b"};
  EXPECT_THAT(DenyNames(certificate), IsEmpty()) << "its key cannot be told";
  certificate.spki_sha256 = "aa";
  EXPECT_THAT(DenyNames(certificate), ElementsAre("spiffe://a", "spiffe://b", "spki-sha256:aa"));
}

}  // namespace
}  // namespace sallyport::authsvc
