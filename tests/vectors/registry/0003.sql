BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE delivery (
	result_id VARCHAR(19) NOT NULL, 
	position INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	"where" TEXT NOT NULL, 
	CONSTRAINT pk_delivery PRIMARY KEY (result_id, position), 
	CONSTRAINT fk_delivery_result_id FOREIGN KEY(result_id) REFERENCES intent (id)
)
 WITHOUT ROWID

;
INSERT INTO "delivery" VALUES('WCSC-9YCX-KPMK-GZ1C',0,'2026-11-21 02:00:11.000000','/out');
INSERT INTO "delivery" VALUES('WCSC-9YCX-KPMK-GZ1C',1,'2026-11-21 02:00:12.000000','https://portal');
CREATE TABLE file_version (
	result_id VARCHAR(19) NOT NULL, 
	position INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	level VARCHAR(24) NOT NULL, 
	at DATETIME NOT NULL, 
	notices JSON NOT NULL, 
	delivered_at DATETIME, 
	CONSTRAINT pk_file_version PRIMARY KEY (result_id, position), 
	CONSTRAINT ck_file_version_position CHECK (position >= 1), 
	CONSTRAINT fk_file_version_result_id FOREIGN KEY(result_id) REFERENCES issued (id), 
	CONSTRAINT uq_file_version_sha256 UNIQUE (sha256)
)
 WITHOUT ROWID

;
CREATE TABLE intent (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(19) NOT NULL, 
	state VARCHAR(24) NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	agency VARCHAR(35) NOT NULL, 
	idempotency_key VARCHAR(255) NOT NULL, 
	request_digest VARCHAR(64) NOT NULL, 
	profile VARCHAR(100) NOT NULL, 
	procedure VARCHAR(40), 
	title TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	dossier VARCHAR(60), 
	ordinal INTEGER NOT NULL, 
	masked_holder TEXT NOT NULL, 
	expires DATETIME, 
	issue_date DATE NOT NULL, 
	year INTEGER NOT NULL, 
	symbol VARCHAR(60), 
	with_year BOOLEAN NOT NULL, 
	number INTEGER, 
	number_source VARCHAR(24), 
	duplicate_of VARCHAR(19), 
	status_number BIGINT NOT NULL, 
	reserved_at DATETIME NOT NULL, 
	prepared_at DATETIME, 
	prepared_sha256 VARCHAR(64), 
	to_be_signed_sha256 VARCHAR(64), 
	signing_time DATETIME, 
	signed_at DATETIME, 
	signed_sha256 VARCHAR(64), 
	issued_at DATETIME, 
	delivered_at DATETIME, 
	voided_at DATETIME, 
	void_code VARCHAR(60), 
	void_facts JSON, 
	void_why TEXT NOT NULL, person BOOLEAN DEFAULT 0 NOT NULL, numbering VARCHAR(24) DEFAULT 'reserved' NOT NULL, awaiting_at DATETIME, person_prepared_sha256 VARCHAR(64), person_to_be_signed_sha256 VARCHAR(64), person_signing_time DATETIME, expires_at DATETIME, approved_at DATETIME, approved_sha256 VARCHAR(64), numbered_at DATETIME, main VARCHAR(19) REFERENCES intent (id), 
	CONSTRAINT ck_intent_number_whole CHECK ((number IS NULL) = (symbol IS NULL) AND (number IS NULL) = (number_source IS NULL)), 
	CONSTRAINT ck_intent_status_u32 CHECK (status_number BETWEEN 0 AND 4294967295), 
	CONSTRAINT fk_intent_duplicate_of FOREIGN KEY(duplicate_of) REFERENCES intent (id), 
	CONSTRAINT uq_intent_id UNIQUE (id), 
	CONSTRAINT uq_intent_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT uq_intent_status_number UNIQUE (status_number)
);
INSERT INTO "intent" VALUES(1,'WCSC-9YCX-KPMK-GZ1C','issued','result','H26.1.2','issued','6969696969696969696969696969696969696969696969696969696969696969','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,412,'book',NULL,80447,'2026-11-21 02:00:01.000000','2026-11-21 02:00:03.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:02.000000','2026-11-21 02:00:04.000000','0101010101010101010101010101010101010101010101010101010101010101','2026-11-21 02:00:05.000000','2026-11-21 02:00:11.000000',NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(2,'NY33-H6VH-86KH-S0FR','issued','result','H26.1.2','replacement','7272727272727272727272727272727272727272727272727272727272727272','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,413,'book',NULL,3995,'2026-11-21 02:00:06.000000','2026-11-21 02:00:08.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:07.000000','2026-11-21 02:00:09.000000','0202020202020202020202020202020202020202020202020202020202020202','2026-11-21 02:00:10.000000',NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(3,'QSFK-N597-4SH5-ZEHH','reserved','result','H26.1.2','given','6767676767676767676767676767676767676767676767676767676767676767','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,414,'given',NULL,27992,'2026-11-21 02:00:19.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(4,'9SZS-0GE9-4RKB-CBQ7','reserved','result','H26.1.2','warned','7777777777777777777777777777777777777777777777777777777777777777','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,414,'given','QSFK-N597-4SH5-ZEHH',20257,'2026-11-21 02:00:20.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(5,'WZZ8-90VY-AW2S-HP0F','issued','signature','H26.1.2','file','6666666666666666666666666666666666666666666666666666666666666666','default',NULL,'','',NULL,1,'N***** C',NULL,'2026-11-21',2026,NULL,0,NULL,NULL,NULL,34300,'2026-11-21 02:00:21.000000','2026-11-21 02:00:23.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:22.000000','2026-11-21 02:00:24.000000','0303030303030303030303030303030303030303030303030303030303030303','2026-11-21 02:00:25.000000',NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(6,'9RBD-WY5K-32WT-2XND','prepared','result','H26.1.2','prepared','7070707070707070707070707070707070707070707070707070707070707070','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,415,'book',NULL,3808,'2026-11-21 02:00:26.000000','2026-11-21 02:00:28.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:27.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(7,'JCX2-CYEA-6X86-K0XA','signed','result','H26.1.2','signed','7373737373737373737373737373737373737373737373737373737373737373','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,416,'book',NULL,114475,'2026-11-21 02:00:29.000000','2026-11-21 02:00:31.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:30.000000','2026-11-21 02:00:32.000000','0404040404040404040404040404040404040404040404040404040404040404',NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(8,'DVF6-1K44-AWQ5-7FYK','void','result','H26.1.2','void','7676767676767676767676767676767676767676767676767676767676767676','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',1,1,'book',NULL,71957,'2026-11-21 02:00:33.000000','2026-11-21 02:00:35.000000','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1','b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2','2026-11-21 02:00:34.000000',NULL,NULL,NULL,NULL,'2026-11-21 02:00:36.000000','request-lost','{"when": "today"}','mất điện',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(9,'78WT-0PSY-D3P4-27BM','awaiting','result','H26.1.2','waits for the person','7777777777777777777777777777777777777777777777777777777777777777','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,417,'book',NULL,50259,'2026-11-21 02:00:37.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',1,'reserved','2026-11-21 02:00:39.000000','e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5','f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6','2026-11-21 02:00:38.000000','2026-12-21 02:00:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "intent" VALUES(10,'5GHT-458A-GV5M-DDCC','approved','result','H26.1.2','waits for a number','7777777777777777777777777777777777777777777777777777777777777777','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,NULL,0,NULL,NULL,NULL,113437,'2026-11-21 02:00:40.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',1,'at-release','2026-11-21 02:00:42.000000','e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5','f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6','2026-11-21 02:00:41.000000','2026-12-21 02:00:00.000000','2026-11-21 02:00:43.000000','0707070707070707070707070707070707070707070707070707070707070707',NULL,NULL);
INSERT INTO "intent" VALUES(11,'Y1VH-6X2W-WVNB-HMWC','approved','result','H26.1.2','numbered','6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,418,'book',NULL,1996,'2026-11-21 02:00:44.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',1,'at-release','2026-11-21 02:00:46.000000','e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5','f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6','2026-11-21 02:00:45.000000','2026-12-21 02:00:00.000000','2026-11-21 02:00:47.000000','0808080808080808080808080808080808080808080808080808080808080808','2026-11-21 02:00:48.000000',NULL);
INSERT INTO "intent" VALUES(12,'T27W-856D-82RQ-X4MW','reserved','attachment','H26.1.2','attached','6161616161616161616161616161616161616161616161616161616161616161','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,NULL,0,NULL,NULL,NULL,61011,'2026-11-21 02:00:49.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'WCSC-9YCX-KPMK-GZ1C');
INSERT INTO "intent" VALUES(13,'39PN-TBFM-JXZ5-CR0K','reserved','result','H26.1.2','last','6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c6c','default','1.001122','Quyết định','về việc cấp phép','H26.1.2-261008-0975',1,'N***** C','2027-11-21 02:00:00.000000','2026-11-21',2026,'QĐ-UBND',0,419,'book',NULL,107408,'2026-11-21 02:00:50.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,'reserved',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE issued (
	id VARCHAR(19) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	signing_time DATETIME NOT NULL, 
	level VARCHAR(24) NOT NULL, 
	mechanism VARCHAR(24) NOT NULL, 
	pages INTEGER NOT NULL, 
	seal_token_sha256 VARCHAR(64), 
	profile VARCHAR(100) NOT NULL, 
	fonts JSON NOT NULL, 
	notices JSON NOT NULL, 
	CONSTRAINT pk_issued PRIMARY KEY (id), 
	CONSTRAINT fk_issued_id FOREIGN KEY(id) REFERENCES intent (id), 
	CONSTRAINT uq_issued_sha256 UNIQUE (sha256)
)
 WITHOUT ROWID

;
INSERT INTO "issued" VALUES('NY33-H6VH-86KH-S0FR','0202020202020202020202020202020202020202020202020202020202020202',12345,'2026-11-21 02:00:00.000000','PAdES-B-B','rsa-pkcs1-sha256',3,'d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4','vgca-compat','["Liberation Serif"]','[{"code": "active-content", "facts": {"count": 2}}]');
INSERT INTO "issued" VALUES('WCSC-9YCX-KPMK-GZ1C','0101010101010101010101010101010101010101010101010101010101010101',12345,'2026-11-21 02:00:00.000000','PAdES-B-B','rsa-pkcs1-sha256',3,'d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4','vgca-compat','["Liberation Serif"]','[{"code": "active-content", "facts": {"count": 2}}]');
INSERT INTO "issued" VALUES('WZZ8-90VY-AW2S-HP0F','0303030303030303030303030303030303030303030303030303030303030303',12345,'2026-11-21 02:00:00.000000','PAdES-B-B','rsa-pkcs1-sha256',3,'d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4','vgca-compat','["Liberation Serif"]','[{"code": "active-content", "facts": {"count": 2}}]');
CREATE TABLE number_book (
	agency VARCHAR(35) NOT NULL, 
	year INTEGER NOT NULL, 
	symbol VARCHAR(60) NOT NULL, 
	with_year BOOLEAN NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	CONSTRAINT pk_number_book PRIMARY KEY (agency, year, symbol, with_year), 
	CONSTRAINT ck_number_book_counts CHECK (first >= 1 AND last >= first - 1)
);
INSERT INTO "number_book" VALUES('H26.1.2',2026,'QĐ-UBND',0,412,419);
INSERT INTO "number_book" VALUES('H26.1.2',2026,'QĐ-UBND',1,1,1);
CREATE TABLE signer (
	result_id VARCHAR(19) NOT NULL, 
	position INTEGER NOT NULL, 
	certificate_sha256 VARCHAR(64) NOT NULL, 
	issuer TEXT NOT NULL, 
	serial VARCHAR(80) NOT NULL, role VARCHAR(24) DEFAULT 'agency' NOT NULL, 
	CONSTRAINT pk_signer PRIMARY KEY (result_id, position), 
	CONSTRAINT fk_signer_result_id FOREIGN KEY(result_id) REFERENCES issued (id)
)
 WITHOUT ROWID

;
INSERT INTO "signer" VALUES('NY33-H6VH-86KH-S0FR',0,'c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3','CN=CA,C=VN','0a1c','agency');
INSERT INTO "signer" VALUES('WCSC-9YCX-KPMK-GZ1C',0,'c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3','CN=CA,C=VN','0a1c','agency');
INSERT INTO "signer" VALUES('WZZ8-90VY-AW2S-HP0F',0,'c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3','CN=CA,C=VN','0a1c','agency');
CREATE TABLE standing_change (
	result_id VARCHAR(19) NOT NULL, 
	position INTEGER NOT NULL, 
	standing VARCHAR(24) NOT NULL, 
	at DATETIME NOT NULL, 
	"by" TEXT NOT NULL, 
	why TEXT NOT NULL, 
	other VARCHAR(19), 
	recorded_at DATETIME NOT NULL, 
	CONSTRAINT pk_standing_change PRIMARY KEY (result_id, position), 
	CONSTRAINT ck_standing_change_other CHECK ((other IS NOT NULL) = (standing IN ('corrected', 'replaced'))), 
	CONSTRAINT ck_standing_change_stored CHECK (standing <> 'expired'), 
	CONSTRAINT fk_standing_change_other FOREIGN KEY(other) REFERENCES intent (id), 
	CONSTRAINT fk_standing_change_result_id FOREIGN KEY(result_id) REFERENCES intent (id)
)
 WITHOUT ROWID

;
INSERT INTO "standing_change" VALUES('WCSC-9YCX-KPMK-GZ1C',0,'suspended','2026-11-21 02:00:13.000000','chánh văn phòng','QĐ 12',NULL,'2026-11-21 02:00:14.000000');
INSERT INTO "standing_change" VALUES('WCSC-9YCX-KPMK-GZ1C',1,'in-force','2026-11-21 02:00:15.000000','chánh văn phòng','QĐ 12',NULL,'2026-11-21 02:00:16.000000');
INSERT INTO "standing_change" VALUES('WCSC-9YCX-KPMK-GZ1C',2,'replaced','2026-11-21 02:00:17.000000','chánh văn phòng','QĐ 12','NY33-H6VH-86KH-S0FR','2026-11-21 02:00:18.000000');
CREATE TABLE status_shard (
	shard INTEGER NOT NULL, 
	used INTEGER NOT NULL, 
	opened_at DATETIME NOT NULL, 
	CONSTRAINT pk_status_shard PRIMARY KEY (shard), 
	CONSTRAINT ck_status_shard_size CHECK (shard BETWEEN 0 AND 32767 AND used BETWEEN 0 AND 131072)
);
INSERT INTO "status_shard" VALUES(0,13,'2026-11-21 02:00:01.000000');
CREATE TABLE upgrade (
	result_id VARCHAR(19) NOT NULL, 
	level VARCHAR(24) NOT NULL, 
	due DATETIME NOT NULL, 
	alarm DATETIME NOT NULL, 
	tries INTEGER NOT NULL, 
	tried_at DATETIME, 
	problem_code VARCHAR(60), 
	problem_facts JSON, 
	done_at DATETIME, 
	CONSTRAINT pk_upgrade PRIMARY KEY (result_id), 
	CONSTRAINT ck_upgrade_grace CHECK (alarm >= due), 
	CONSTRAINT fk_upgrade_result_id FOREIGN KEY(result_id) REFERENCES issued (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_intent_dossier ON intent (dossier);
CREATE INDEX ix_intent_numbers ON intent (agency, year, symbol, number);
CREATE INDEX ix_intent_unfinished ON intent (state, delivered_at);
CREATE UNIQUE INDEX uq_intent_number ON intent (agency, year, symbol, with_year, number) WHERE duplicate_of IS NULL;
CREATE INDEX ix_signer_certificate_sha256 ON signer (certificate_sha256);
CREATE TRIGGER intent_delete BEFORE DELETE ON intent WHEN 1 BEGIN SELECT RAISE(ABORT, 'intents are never deleted'); END;
CREATE TRIGGER intent_insert BEFORE INSERT ON intent WHEN NEW.state <> 'reserved' BEGIN SELECT RAISE(ABORT, 'intents begin as reserved'); END;
CREATE TRIGGER intent_replace BEFORE INSERT ON intent WHEN EXISTS (SELECT 1 FROM intent WHERE sequence = NEW.sequence) OR EXISTS (SELECT 1 FROM intent WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM intent WHERE idempotency_key = NEW.idempotency_key) OR EXISTS (SELECT 1 FROM intent WHERE status_number = NEW.status_number) BEGIN SELECT RAISE(ABORT, 'intents are never replaced'); END;
CREATE TRIGGER intent_number BEFORE INSERT ON intent WHEN NEW.duplicate_of IS NULL AND EXISTS (SELECT 1 FROM intent WHERE duplicate_of IS NULL AND agency = NEW.agency AND year = NEW.year AND symbol = NEW.symbol AND with_year = NEW.with_year AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'this number is taken'); END;
CREATE TRIGGER intent_issued BEFORE UPDATE ON intent WHEN NEW.state = 'issued' AND NOT EXISTS (SELECT 1 FROM issued WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'issued without its registration'); END;
CREATE TRIGGER number_book_delete BEFORE DELETE ON number_book WHEN 1 BEGIN SELECT RAISE(ABORT, 'number books are never deleted'); END;
CREATE TRIGGER number_book_back BEFORE UPDATE ON number_book WHEN OLD.last >= OLD.first AND (NEW.last < OLD.last OR NEW.first <> OLD.first) BEGIN SELECT RAISE(ABORT, 'a number book never counts back'); END;
CREATE TRIGGER number_book_replace BEFORE INSERT ON number_book WHEN EXISTS (SELECT 1 FROM number_book WHERE agency = NEW.agency AND year = NEW.year AND symbol = NEW.symbol AND with_year = NEW.with_year) BEGIN SELECT RAISE(ABORT, 'number books are never replaced'); END;
CREATE TRIGGER issued_update BEFORE UPDATE ON issued WHEN 1 BEGIN SELECT RAISE(ABORT, 'issued is never changed'); END;
CREATE TRIGGER issued_delete BEFORE DELETE ON issued WHEN 1 BEGIN SELECT RAISE(ABORT, 'issued is never deleted'); END;
CREATE TRIGGER issued_replace BEFORE INSERT ON issued WHEN EXISTS (SELECT 1 FROM issued WHERE (id = NEW.id) OR sha256 = NEW.sha256) BEGIN SELECT RAISE(ABORT, 'issued is never replaced'); END;
CREATE TRIGGER signer_update BEFORE UPDATE ON signer WHEN 1 BEGIN SELECT RAISE(ABORT, 'signer is never changed'); END;
CREATE TRIGGER signer_delete BEFORE DELETE ON signer WHEN 1 BEGIN SELECT RAISE(ABORT, 'signer is never deleted'); END;
CREATE TRIGGER signer_replace BEFORE INSERT ON signer WHEN EXISTS (SELECT 1 FROM signer WHERE result_id = NEW.result_id AND position = NEW.position) BEGIN SELECT RAISE(ABORT, 'signer is never replaced'); END;
CREATE TRIGGER delivery_update BEFORE UPDATE ON delivery WHEN 1 BEGIN SELECT RAISE(ABORT, 'delivery is never changed'); END;
CREATE TRIGGER delivery_delete BEFORE DELETE ON delivery WHEN 1 BEGIN SELECT RAISE(ABORT, 'delivery is never deleted'); END;
CREATE TRIGGER delivery_replace BEFORE INSERT ON delivery WHEN EXISTS (SELECT 1 FROM delivery WHERE result_id = NEW.result_id AND position = NEW.position) BEGIN SELECT RAISE(ABORT, 'delivery is never replaced'); END;
CREATE TRIGGER standing_change_update BEFORE UPDATE ON standing_change WHEN 1 BEGIN SELECT RAISE(ABORT, 'standing_change is never changed'); END;
CREATE TRIGGER standing_change_delete BEFORE DELETE ON standing_change WHEN 1 BEGIN SELECT RAISE(ABORT, 'standing_change is never deleted'); END;
CREATE TRIGGER standing_change_replace BEFORE INSERT ON standing_change WHEN EXISTS (SELECT 1 FROM standing_change WHERE result_id = NEW.result_id AND position = NEW.position) BEGIN SELECT RAISE(ABORT, 'standing_change is never replaced'); END;
CREATE TRIGGER issued_state BEFORE INSERT ON issued WHEN (SELECT state FROM intent WHERE id = NEW.id) IS NOT 'signed' BEGIN SELECT RAISE(ABORT, 'issued belongs to the state signed'); END;
CREATE TRIGGER signer_state BEFORE INSERT ON signer WHEN (SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'signed' BEGIN SELECT RAISE(ABORT, 'signer belongs to the state signed'); END;
CREATE TRIGGER delivery_state BEFORE INSERT ON delivery WHEN (SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'issued' BEGIN SELECT RAISE(ABORT, 'delivery belongs to the state issued'); END;
CREATE TRIGGER standing_change_state BEFORE INSERT ON standing_change WHEN (SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'issued' BEGIN SELECT RAISE(ABORT, 'standing_change belongs to the state issued'); END;
CREATE INDEX ix_intent_main ON intent (main);
CREATE TRIGGER intent_fixed BEFORE UPDATE ON intent WHEN NEW.sequence IS NOT OLD.sequence OR NEW.id IS NOT OLD.id OR NEW.kind IS NOT OLD.kind OR NEW.agency IS NOT OLD.agency OR NEW.main IS NOT OLD.main OR NEW.person IS NOT OLD.person OR NEW.idempotency_key IS NOT OLD.idempotency_key OR NEW.request_digest IS NOT OLD.request_digest OR NEW.profile IS NOT OLD.profile OR NEW.procedure IS NOT OLD.procedure OR NEW.title IS NOT OLD.title OR NEW.subject IS NOT OLD.subject OR NEW.dossier IS NOT OLD.dossier OR NEW.ordinal IS NOT OLD.ordinal OR NEW.masked_holder IS NOT OLD.masked_holder OR NEW.expires IS NOT OLD.expires OR NEW.numbering IS NOT OLD.numbering OR NEW.status_number IS NOT OLD.status_number OR NEW.reserved_at IS NOT OLD.reserved_at BEGIN SELECT RAISE(ABORT, 'what was reserved never changes'); END;
CREATE TRIGGER intent_number_fixed BEFORE UPDATE ON intent WHEN (NEW.issue_date IS NOT OLD.issue_date OR NEW.year IS NOT OLD.year OR NEW.symbol IS NOT OLD.symbol OR NEW.with_year IS NOT OLD.with_year OR NEW.number IS NOT OLD.number OR NEW.number_source IS NOT OLD.number_source OR NEW.duplicate_of IS NOT OLD.duplicate_of) AND NOT (OLD.state = 'approved' AND NEW.state = 'approved' AND OLD.numbering = 'at-release' AND OLD.number IS NULL AND NEW.number IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'a number never changes'); END;
CREATE TRIGGER intent_number_late BEFORE UPDATE ON intent WHEN NEW.number IS NOT OLD.number AND NEW.duplicate_of IS NULL AND EXISTS (SELECT 1 FROM intent WHERE duplicate_of IS NULL AND sequence <> NEW.sequence AND agency = NEW.agency AND year = NEW.year AND symbol = NEW.symbol AND with_year = NEW.with_year AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'this number is taken'); END;
CREATE TRIGGER intent_once BEFORE UPDATE ON intent WHEN (OLD.awaiting_at IS NOT NULL AND NEW.awaiting_at IS NOT OLD.awaiting_at) OR (OLD.person_prepared_sha256 IS NOT NULL AND NEW.person_prepared_sha256 IS NOT OLD.person_prepared_sha256) OR (OLD.person_to_be_signed_sha256 IS NOT NULL AND NEW.person_to_be_signed_sha256 IS NOT OLD.person_to_be_signed_sha256) OR (OLD.person_signing_time IS NOT NULL AND NEW.person_signing_time IS NOT OLD.person_signing_time) OR (OLD.expires_at IS NOT NULL AND NEW.expires_at IS NOT OLD.expires_at) OR (OLD.approved_at IS NOT NULL AND NEW.approved_at IS NOT OLD.approved_at) OR (OLD.approved_sha256 IS NOT NULL AND NEW.approved_sha256 IS NOT OLD.approved_sha256) OR (OLD.numbered_at IS NOT NULL AND NEW.numbered_at IS NOT OLD.numbered_at) OR (OLD.prepared_at IS NOT NULL AND NEW.prepared_at IS NOT OLD.prepared_at) OR (OLD.prepared_sha256 IS NOT NULL AND NEW.prepared_sha256 IS NOT OLD.prepared_sha256) OR (OLD.to_be_signed_sha256 IS NOT NULL AND NEW.to_be_signed_sha256 IS NOT OLD.to_be_signed_sha256) OR (OLD.signing_time IS NOT NULL AND NEW.signing_time IS NOT OLD.signing_time) OR (OLD.signed_at IS NOT NULL AND NEW.signed_at IS NOT OLD.signed_at) OR (OLD.signed_sha256 IS NOT NULL AND NEW.signed_sha256 IS NOT OLD.signed_sha256) OR (OLD.issued_at IS NOT NULL AND NEW.issued_at IS NOT OLD.issued_at) OR (OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS NOT OLD.delivered_at) OR (OLD.voided_at IS NOT NULL AND NEW.voided_at IS NOT OLD.voided_at) OR (OLD.void_code IS NOT NULL AND NEW.void_code IS NOT OLD.void_code) OR (OLD.void_facts IS NOT NULL AND NEW.void_facts IS NOT OLD.void_facts) BEGIN SELECT RAISE(ABORT, 'what a step recorded never changes'); END;
CREATE TRIGGER intent_step BEFORE UPDATE ON intent WHEN NOT ((OLD.state = 'reserved' AND NEW.state IN ('awaiting', 'approved', 'prepared', 'void')) OR (OLD.state = 'awaiting' AND NEW.state IN ('approved', 'void')) OR (OLD.state = 'approved' AND NEW.state IN ('prepared', 'void')) OR (OLD.state = 'prepared' AND NEW.state IN ('signed', 'void')) OR (OLD.state = 'signed' AND NEW.state IN ('issued', 'void')) OR (OLD.state = 'issued' AND NEW.state IN ('issued')) OR (OLD.state = 'approved' AND NEW.state = 'approved' AND OLD.numbering = 'at-release' AND OLD.number IS NULL AND NEW.number IS NOT NULL AND NOT (NEW.awaiting_at IS NOT OLD.awaiting_at OR NEW.person_prepared_sha256 IS NOT OLD.person_prepared_sha256 OR NEW.person_to_be_signed_sha256 IS NOT OLD.person_to_be_signed_sha256 OR NEW.person_signing_time IS NOT OLD.person_signing_time OR NEW.expires_at IS NOT OLD.expires_at OR NEW.approved_at IS NOT OLD.approved_at OR NEW.approved_sha256 IS NOT OLD.approved_sha256 OR NEW.prepared_at IS NOT OLD.prepared_at OR NEW.prepared_sha256 IS NOT OLD.prepared_sha256 OR NEW.to_be_signed_sha256 IS NOT OLD.to_be_signed_sha256 OR NEW.signing_time IS NOT OLD.signing_time OR NEW.signed_at IS NOT OLD.signed_at OR NEW.signed_sha256 IS NOT OLD.signed_sha256 OR NEW.issued_at IS NOT OLD.issued_at OR NEW.delivered_at IS NOT OLD.delivered_at OR NEW.voided_at IS NOT OLD.voided_at OR NEW.void_code IS NOT OLD.void_code OR NEW.void_facts IS NOT OLD.void_facts))) BEGIN SELECT RAISE(ABORT, 'no such step'); END;
CREATE TRIGGER intent_approved BEFORE UPDATE ON intent WHEN NEW.state = 'approved' AND (NEW.approved_at IS NULL OR NEW.approved_sha256 IS NULL) BEGIN SELECT RAISE(ABORT, 'approved without the file that the person signed'); END;
CREATE TRIGGER intent_unapproved BEFORE UPDATE ON intent WHEN NEW.state = 'prepared' AND OLD.state <> 'approved' AND NEW.person BEGIN SELECT RAISE(ABORT, 'the person signs before the agency'); END;
CREATE TRIGGER intent_unnumbered BEFORE UPDATE ON intent WHEN NEW.state = 'prepared' AND NEW.number IS NULL AND (NEW.numbering = 'at-release' OR (SELECT number IS NULL FROM intent WHERE id = NEW.main)) BEGIN SELECT RAISE(ABORT, 'prepared without a number'); END;
CREATE TRIGGER intent_late BEFORE INSERT ON intent WHEN NEW.numbering = 'at-release' AND (NEW.kind <> 'result' OR NEW.number IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'only results without a number are numbered at their release'); END;
CREATE TRIGGER intent_main BEFORE INSERT ON intent WHEN CASE WHEN NEW.kind = 'attachment' THEN NEW.number IS NOT NULL OR NOT EXISTS (SELECT 1 FROM intent WHERE id = NEW.main AND kind = 'result' AND agency = NEW.agency AND state <> 'void') ELSE NEW.main IS NOT NULL END BEGIN SELECT RAISE(ABORT, 'an attachment belongs to a result of its agency'); END;
CREATE TRIGGER intent_main_issued BEFORE UPDATE ON intent WHEN NEW.state = 'issued' AND (SELECT state <> 'issued' FROM intent WHERE id = NEW.main) BEGIN SELECT RAISE(ABORT, 'an attachment is not issued before its main result'); END;
CREATE TRIGGER standing_change_attachment BEFORE INSERT ON standing_change WHEN EXISTS (SELECT 1 FROM intent WHERE id IN (NEW.result_id, NEW.other) AND main IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'an attachment stands as its main result stands'); END;
CREATE INDEX ix_file_version_delivered_at ON file_version (delivered_at);
CREATE INDEX ix_upgrade_done_at_due ON upgrade (done_at, due);
CREATE TRIGGER file_version_delete BEFORE DELETE ON file_version WHEN 1 BEGIN SELECT RAISE(ABORT, 'file_version is never deleted'); END;
CREATE TRIGGER file_version_update BEFORE UPDATE ON file_version WHEN NEW.result_id IS NOT OLD.result_id OR NEW.position IS NOT OLD.position OR NEW.sha256 IS NOT OLD.sha256 OR NEW.size IS NOT OLD.size OR NEW.level IS NOT OLD.level OR NEW.at IS NOT OLD.at OR NEW.notices IS NOT OLD.notices OR (OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS NOT OLD.delivered_at) BEGIN SELECT RAISE(ABORT, 'file_version is never changed'); END;
CREATE TRIGGER file_version_replace BEFORE INSERT ON file_version WHEN EXISTS (SELECT 1 FROM issued WHERE sha256 = NEW.sha256) OR EXISTS (SELECT 1 FROM file_version WHERE sha256 = NEW.sha256) BEGIN SELECT RAISE(ABORT, 'this file is registered'); END;
CREATE TRIGGER file_version_order BEFORE INSERT ON file_version WHEN NEW.position <> (SELECT count(*) FROM file_version WHERE result_id = NEW.result_id) + 1 BEGIN SELECT RAISE(ABORT, 'versions follow one another'); END;
CREATE TRIGGER file_version_grows BEFORE INSERT ON file_version WHEN NEW.size <= max((SELECT size FROM issued WHERE id = NEW.result_id), coalesce((SELECT max(size) FROM file_version WHERE result_id = NEW.result_id), 0)) BEGIN SELECT RAISE(ABORT, 'a version only adds'); END;
CREATE TRIGGER file_version_state BEFORE INSERT ON file_version WHEN (SELECT state FROM intent WHERE id = NEW.result_id) IS NOT 'issued' BEGIN SELECT RAISE(ABORT, 'file_version belongs to the state issued'); END;
CREATE TRIGGER issued_known BEFORE INSERT ON issued WHEN EXISTS (SELECT 1 FROM issued WHERE sha256 = NEW.sha256) OR EXISTS (SELECT 1 FROM file_version WHERE sha256 = NEW.sha256) BEGIN SELECT RAISE(ABORT, 'this file is registered'); END;
CREATE TRIGGER upgrade_delete BEFORE DELETE ON upgrade WHEN 1 BEGIN SELECT RAISE(ABORT, 'upgrade is never deleted'); END;
CREATE TRIGGER upgrade_update BEFORE UPDATE ON upgrade WHEN NEW.result_id IS NOT OLD.result_id OR NEW.level IS NOT OLD.level OR NEW.due IS NOT OLD.due OR NEW.alarm IS NOT OLD.alarm OR OLD.done_at IS NOT NULL OR NEW.tries < OLD.tries BEGIN SELECT RAISE(ABORT, 'what was promised never changes'); END;
CREATE TRIGGER upgrade_replace BEFORE INSERT ON upgrade WHEN EXISTS (SELECT 1 FROM upgrade WHERE result_id = NEW.result_id) BEGIN SELECT RAISE(ABORT, 'upgrade is never replaced'); END;
CREATE TRIGGER upgrade_state BEFORE INSERT ON upgrade WHEN (SELECT state FROM intent WHERE id = NEW.result_id) NOT IN ('signed', 'issued') BEGIN SELECT RAISE(ABORT, 'only issued results are upgraded'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('intent',13);
COMMIT;
