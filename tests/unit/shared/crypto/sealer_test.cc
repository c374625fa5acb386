#include "shared/crypto/sealer.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/random.h"

namespace sallyport::crypto {
namespace {

constexpr SealPlace kPlace{"store-1", "certificate/a", "private_key"};

std::unique_ptr<const Sealer> Make(std::initializer_list<const char*> ids) {
  std::vector<MasterKey> keys;
  // The key follows from its id, so that two sealers with one id can open each other's values.
  for (const char* id : ids) keys.push_back({id, base::Secret(Sha256(id))});
  return std::move(Sealer::Create(std::move(keys)).value());
}

TEST(SealerTest, OpensWhatItSealed) {
  const auto sealer = Make({"a"});
  for (const std::string& secret : {std::string(), std::string("x"), std::string(4096, 'k')}) {
    const absl::StatusOr<Sealed> sealed = sealer->Seal(kPlace, secret);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->master_key_id, "a");
    const absl::StatusOr<base::Secret> opened = sealer->Open(kPlace, *sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->Reveal(), secret);
    if (secret.size() > 100) {
      EXPECT_EQ(sealed->ciphertext.find("kkkk"), std::string::npos);
    }
  }
}

TEST(SealerTest, TwoSealsOfOneSecretDiffer) {
  const auto sealer = Make({"a"});
  const Sealed one = sealer->Seal(kPlace, "secret").value();
  const Sealed two = sealer->Seal(kPlace, "secret").value();
  EXPECT_NE(one.ciphertext, two.ciphertext);
  EXPECT_NE(one.wrapped_data_key, two.wrapped_data_key);
}

TEST(SealerTest, BoundToStoreRecordAndField) {
  const auto sealer = Make({"a"});
  const Sealed sealed = sealer->Seal(kPlace, "secret").value();
  for (const SealPlace& other : {SealPlace{"store-2", kPlace.record, kPlace.field},
                                 SealPlace{kPlace.store_id, "certificate/b", kPlace.field},
                                 SealPlace{kPlace.store_id, kPlace.record, "other"},
                                 SealPlace{"store-1certificate/a", "", kPlace.field},
                                 SealPlace{"store-1|13:certificate/a", "", ""}}) {
    const absl::StatusOr<base::Secret> opened = sealer->Open(other, sealed);
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(SealerTest, Q21EveryChangedBitIsFound) {  // reference tyk.md §0.2
  const auto sealer = Make({"a"});
  const Sealed sealed = sealer->Seal(kPlace, "secret").value();
  for (size_t i = 0; i < sealed.ciphertext.size(); ++i) {
    Sealed changed = sealed;
    changed.ciphertext[i] = static_cast<char>(changed.ciphertext[i] ^ 1);
    EXPECT_FALSE(sealer->Open(kPlace, changed).ok()) << i;
  }
  for (size_t i = 0; i < sealed.wrapped_data_key.size(); ++i) {
    Sealed changed = sealed;
    changed.wrapped_data_key[i] = static_cast<char>(changed.wrapped_data_key[i] ^ 1);
    EXPECT_FALSE(sealer->Open(kPlace, changed).ok()) << i;
  }
  Sealed cut = sealed;
  cut.ciphertext.resize(20);
  EXPECT_FALSE(sealer->Open(kPlace, cut).ok());
  cut = sealed;
  cut.wrapped_data_key.clear();
  EXPECT_FALSE(sealer->Open(kPlace, cut).ok());
}

TEST(SealerTest, PartsOfTwoSealedValuesDoNotMix) {
  const auto sealer = Make({"a"});
  Sealed one = sealer->Seal(kPlace, "one").value();
  const Sealed two = sealer->Seal(kPlace, "two").value();
  one.wrapped_data_key = two.wrapped_data_key;
  EXPECT_FALSE(sealer->Open(kPlace, one).ok());
}

TEST(SealerTest, Rotation) {
  const Sealed old = Make({"old"})->Seal(kPlace, "secret").value();
  const auto both = Make({"new", "old"});
  EXPECT_EQ(both->sealing_key_id(), "new");
  EXPECT_EQ(both->Open(kPlace, old)->Reveal(), "secret");
  ASSERT_TRUE(both->NeedsRewrap(old));
  const Sealed rewrapped = both->Rewrap(kPlace, old).value();
  EXPECT_FALSE(both->NeedsRewrap(rewrapped));
  EXPECT_EQ(rewrapped.ciphertext, old.ciphertext);
  const auto only_new = Make({"new"});
  EXPECT_EQ(only_new->Open(kPlace, rewrapped)->Reveal(), "secret");
  EXPECT_EQ(only_new->Open(kPlace, old).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(both->Rewrap({"other", "", ""}, old).ok());
}

TEST(SealerTest, AnotherKeyUnderTheSameId) {
  std::vector<MasterKey> keys;
  keys.push_back({"a", base::Secret(std::string(32, 'z'))});
  const auto stranger = std::move(Sealer::Create(std::move(keys)).value());
  const Sealed sealed = Make({"a"})->Seal(kPlace, "secret").value();
  EXPECT_EQ(stranger->Open(kPlace, sealed).status().code(), absl::StatusCode::kDataLoss);
}

TEST(SealerTest, RefusesBadKeys) {
  const auto create = [](std::string id, size_t size) {
    std::vector<MasterKey> keys;
    keys.push_back({std::move(id), base::Secret(std::string(size, 'k'))});
    return Sealer::Create(std::move(keys)).status();
  };
  EXPECT_TRUE(create("a", 32).ok());
  EXPECT_FALSE(create("a", 31).ok());
  EXPECT_FALSE(create("a", 0).ok());
  EXPECT_FALSE(create("", 32).ok());
  EXPECT_FALSE(create("a b", 32).ok());
  EXPECT_FALSE(Sealer::Create({}).ok());
  std::vector<MasterKey> twice;
  twice.push_back({"a", base::Secret(std::string(32, 'k'))});
  twice.push_back({"a", base::Secret(std::string(32, 'l'))});
  EXPECT_FALSE(Sealer::Create(std::move(twice)).ok());
}

TEST(MasterKeyFileTest, Lines) {
  const std::string hex(64, 'a');
  const auto keys = ParseMasterKeys(absl::StrCat("# comment\n\nk2 ", hex, "\r\nk1\t", hex, "\n"));
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].id, "k2");
  EXPECT_EQ(base::Hex((*keys)[1].key.Reveal()), hex);
  for (const std::string& bad :
       {std::string(), std::string("# only\n"), std::string("k1\n"), "k1 " + hex.substr(1),
        "k1 " + hex + "0", "k/1 " + hex, "k1 " + std::string(64, 'g')}) {
    EXPECT_FALSE(ParseMasterKeys(bad).ok()) << bad;
  }
  EXPECT_EQ(std::string(ParseMasterKeys("k1 5ec7e7").status().message()).find("5ec7e7"),
            std::string::npos)
      << "a key never gets into a message";
  const base::Secret line = NewMasterKeyLine("2026");
  EXPECT_EQ(ParseMasterKeys(line.Reveal()).value().front().id, "2026");
}

TEST(RandomTest, IsNotTheSameTwice) {
  EXPECT_EQ(RandomBytes(32).size(), 32U);
  EXPECT_NE(RandomBytes(32), RandomBytes(32));
  EXPECT_EQ(RandomHex(16).size(), 32U);
  EXPECT_EQ(RandomBytes(0), "");
}

TEST(DigestTest, KnownAnswer) {
  EXPECT_EQ(base::Hex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const Sha256Digest array = Sha256Array("abc");
  EXPECT_EQ(std::string(array.begin(), array.end()), Sha256("abc"));
}

}  // namespace
}  // namespace sallyport::crypto
