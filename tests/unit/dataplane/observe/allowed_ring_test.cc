#include "dataplane/observe/allowed_ring.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// Owns what a request refers to.
struct Request {
  explicit Request(std::string name) : id(std::move(name)) {
    decision.revision = 41;
    decision.identity.name = "partner";
    request.api_id = "orders";
    request.method = "GET";
    request.path = "/x";
    request.decision = &decision;
  }
  const AllowedRequest& get() {
    request.request_id = id;
    if (!chain.empty()) {
      request.chain_der = &chain;
      request.leaf_sha256 = &leaf;
      request.chain_key = cache::KeyBuilder().Add(chain.front()).Finish();
      request.proof = Proof::kTls;
    }
    return request;
  }
  std::string id;
  Decision decision;
  std::vector<std::string> chain;
  std::array<uint8_t, 32> leaf{};
  AllowedRequest request;
};

void Keep(AllowedRing& ring, const std::string& id, const std::string& path = "/x") {
  Request made(id);
  made.request.path = path;
  ring.Keep(made.get());
}

TEST(AllowedRing, GivesBackEverything) {
  AllowedRing ring(10, 1 << 20);
  Request made("r-1");
  made.chain = {"leaf", "middle"};
  made.leaf[0] = 0xab;
  made.decision.identity.key_id = "k1";
  made.decision.identity.org_id = "org";
  made.decision.identity.policy_ids = {"p1", "p2"};
  made.decision.identity.metadata = {{"secret", "never kept"}};
  AllowedRequest& request = made.request;
  request.time = absl::FromUnixMicros(1'800'000'000'123'456);
  request.version = "v2";
  request.profile = "ignored";
  request.host = "api.test";
  request.client_address = "192.0.2.1";
  request.tls = true;
  request.proxy = "192.0.2.3";
  const std::vector<AllowedRequest::Token> tokens = {{"token", "header", {1, 2, 3}}};
  request.tokens = tokens;
  request.stale = true;
  request.target_tls = true;
  request.target = "up.test:8443";
  request.upstream = "192.0.2.9:8443";
  request.upstream_certificate_id = "cert-1";
  request.upstream_reused = true;
  request.status = 204;
  request.reason = Reason::kClientGone;
  request.total = absl::Microseconds(1500);
  ring.Keep(made.get());

  const auto found = ring.Find("r-1");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->request_id, "r-1");
  EXPECT_EQ(found->time, request.time);
  EXPECT_EQ(found->version, "v2");
  EXPECT_EQ(found->method, "GET");
  EXPECT_EQ(found->path, "/x");
  EXPECT_EQ(found->host, "api.test");
  EXPECT_EQ(found->client_address, "192.0.2.1");
  EXPECT_EQ(found->question.api_id, "orders");
  EXPECT_EQ(found->question.profile, "ignored");
  EXPECT_EQ(found->question.request_id, "r-1");
  EXPECT_EQ(found->question.proxy, "192.0.2.3");
  EXPECT_EQ(found->question.proof, Proof::kTls);
  EXPECT_TRUE(found->question.tls);
  EXPECT_EQ(found->question.chain_der, (std::vector<std::string>{"leaf", "middle"}));
  ASSERT_EQ(found->question.credentials.size(), 1u);
  EXPECT_EQ(found->question.credentials[0].mechanism, "token");
  EXPECT_EQ(found->question.credentials[0].place, "header");
  EXPECT_EQ(found->question.credentials[0].sha256,
            std::string("\1\2\3", 3) + std::string(29, '\0'));
  EXPECT_EQ(found->leaf_sha256, "ab" + std::string(62, '0'));
  EXPECT_EQ(found->identity.name, "partner");
  EXPECT_EQ(found->identity.key_id, "k1");
  EXPECT_EQ(found->identity.org_id, "org");
  EXPECT_EQ(found->identity.policy_ids, (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(found->revision, 41u);
  EXPECT_TRUE(found->stale);
  EXPECT_EQ(found->target, "https://up.test:8443");
  EXPECT_EQ(found->upstream, "192.0.2.9:8443");
  EXPECT_EQ(found->upstream_certificate_id, "cert-1");
  EXPECT_TRUE(found->upstream_reused);
  EXPECT_EQ(found->status, 204);
  EXPECT_EQ(found->reason, Reason::kClientGone);
  EXPECT_EQ(found->total, absl::Microseconds(1500));
  EXPECT_FALSE(ring.Find("r-2").has_value());
  EXPECT_FALSE(ring.Find("").has_value());
  EXPECT_FALSE(ring.Find("other r-1").has_value());
}

TEST(AllowedRing, NoCertificateIsNoCertificate) {
  AllowedRing ring(10, 1 << 20);
  Keep(ring, "r");
  const auto found = ring.Find("r");
  EXPECT_EQ(found->leaf_sha256, "");
  EXPECT_TRUE(found->question.chain_der.empty());
  EXPECT_EQ(found->question.proof, Proof::kNone);
  EXPECT_FALSE(found->question.tls);
  EXPECT_EQ(found->target, "");
}

TEST(AllowedRing, KeepsTheLastOnes) {
  AllowedRing ring(3, 1 << 20);
  for (int i = 0; i < 10; ++i) {
    Keep(ring, absl::StrCat("r", i));
    EXPECT_EQ(ring.size(), static_cast<size_t>(std::min(i + 1, 3)));
  }
  EXPECT_FALSE(ring.Find("r6").has_value()) << "overwritten";
  for (const char* id : {"r7", "r8", "r9"}) EXPECT_TRUE(ring.Find(id).has_value()) << id;
}

TEST(AllowedRing, OfOneIdTheNewestCounts) {
  AllowedRing ring(10, 1 << 20);
  Keep(ring, "same", "/old");
  Keep(ring, "same", "/new");
  EXPECT_EQ(ring.Find("same")->path, "/new");
}

TEST(AllowedRing, IdsWithTheSameTailAreToldApart) {
  AllowedRing ring(10, 1 << 20);
  Keep(ring, "a-12345678", "/a");
  Keep(ring, "b-12345678", "/b");
  EXPECT_EQ(ring.Find("a-12345678")->path, "/a");
  EXPECT_EQ(ring.Find("b-12345678")->path, "/b");
  EXPECT_FALSE(ring.Find("12345678").has_value());
}

TEST(AllowedRing, OffKeepsNothing) {
  AllowedRing ring(0, 1 << 20);
  EXPECT_FALSE(ring.on());
  Keep(ring, "r");
  EXPECT_EQ(ring.size(), 0u);
  EXPECT_FALSE(ring.Find("r").has_value());
}

// Records of every length over the end of few bytes: what is found is whole, what is kept are the
// newest.
TEST(AllowedRing, BoundedByBytesWhateverTheLengths) {
  AllowedRing ring(1000, 16'384);  // 8 KiB of records
  std::map<std::string, std::string> paths;
  uint32_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    random = random * 1664525u + 1013904223u;
    const std::string id = absl::StrCat("r", i);
    paths[id] = std::string(random >> 22, static_cast<char>('a' + i % 26));  // up to 1,023 bytes
    Keep(ring, id, paths[id]);
    size_t bytes = 0;
    for (int back = 0; back < static_cast<int>(ring.size()); ++back) {
      const std::string kept = absl::StrCat("r", i - back);
      const auto found = ring.Find(kept);
      ASSERT_TRUE(found.has_value()) << kept << " of " << ring.size() << " after " << id;
      ASSERT_EQ(found->path, paths[kept]);
      bytes += found->path.size();
    }
    ASSERT_LE(bytes, 8192u);
    ASSERT_FALSE(ring.Find(absl::StrCat("r", i - static_cast<int>(ring.size()))).has_value());
    if (i > 100) {
      ASSERT_GE(ring.size(), 3u);
    }
  }
}

TEST(AllowedRing, WhatIsLargerThanAllOfItIsNotKept) {
  AllowedRing ring(10, 1024);
  Keep(ring, "small");
  Keep(ring, "large", std::string(1000, 'p'));
  EXPECT_FALSE(ring.Find("large").has_value());
  EXPECT_TRUE(ring.Find("small").has_value());
}

TEST(AllowedRing, LongTextsAreCutBetweenCharacters) {
  AllowedRing ring(10, 1 << 20);
  Request made(std::string(600, 'i'));
  const std::string path = "/" + std::string(10'000, 'p');
  made.request.path = path;
  std::string name(511, 'n');
  for (int i = 0; i < 400; ++i) name += "\xc3\xa9";  // é: the 512th byte is in the middle of one
  made.decision.identity.name = name;
  for (int i = 0; i < 1000; ++i)
    made.decision.identity.policy_ids.push_back(std::string(1000, 'q'));
  const std::vector<AllowedRequest::Token> tokens(50, AllowedRequest::Token{"token", "header", {}});
  made.request.tokens = tokens;
  ring.Keep(made.get());
  const auto found = ring.Find(std::string(128, 'i'));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->path.size(), 2048u);
  EXPECT_EQ(found->identity.name, std::string(511, 'n'));
  EXPECT_EQ(found->identity.policy_ids.size(), 16u);
  EXPECT_EQ(found->identity.policy_ids[0].size(), 128u);
  EXPECT_EQ(found->question.credentials.size(), 4u);
}

TEST(AllowedRing, AChainIsKeptOnce) {
  AllowedRing ring(1000, 1 << 20);
  size_t after_one = 0;
  for (int i = 0; i < 100; ++i) {
    Request made(absl::StrCat("r", i));
    made.chain = {std::string(1000, 'l'), std::string(1000, 'm')};
    ring.Keep(made.get());
    if (i == 0) after_one = ring.chain_bytes();
  }
  EXPECT_GT(after_one, 2000u);
  EXPECT_EQ(ring.chain_bytes(), after_one);
  EXPECT_EQ(ring.Find("r3")->question.chain_der.size(), 2u);
}

TEST(AllowedRing, AChainThatHadToGoIsKnownByItsLeafStill) {
  AllowedRing ring(1000, 20'000);  // 10,000 bytes of chains
  for (int i = 0; i < 30; ++i) {
    Request made(absl::StrCat("r", i));
    made.chain = {std::string(1000, static_cast<char>('a' + i))};
    made.leaf[0] = static_cast<uint8_t>(i);
    ring.Keep(made.get());
    EXPECT_LE(ring.chain_bytes(), 10'000u);
  }
  EXPECT_EQ(ring.Find("r29")->question.chain_der.size(), 1u);
  const auto found = ring.Find("r0");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->question.chain_der.empty());
  EXPECT_EQ(found->question.proof, Proof::kTls);
  EXPECT_EQ(found->leaf_sha256, std::string(64, '0'));
}

}  // namespace
}  // namespace sallyport::dataplane
